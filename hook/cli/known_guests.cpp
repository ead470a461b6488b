#include "cli/known_guests.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "config/store.h"
#include "core/file.h"
#include "core/text.h"
#include "host/names.h"
#include "host/pci/pci_device.h"
#include "xml/domain.h"

namespace qh::cli {
namespace {

constexpr std::string_view xml_suffix = ".xml";

bool is_display_identity(const std::string& identity) {
  host::PciDevice device;
  device.identity = identity;
  return device.is_display();
}

class Collector {
 public:
  explicit Collector(const host::Host& host) : host_(host) {}

  void conf(const Result<config::GuestConf>& conf);
  // Nothing where there is no such file, or it is not ours to read.
  void domain(const std::string& name);
  bool has(const std::string& name) const { return names_.count(name) != 0; }
  KnownGuests found;

 private:
  bool is_display(const PciAddress& address) const {
    const auto device = host::read_pci_device(host_, address);
    return device && device->is_display();
  }

  const host::Host& host_;
  std::unordered_set<std::string> names_;
};

void Collector::conf(const Result<config::GuestConf>& conf) {
  if (!conf) return found.warnings.push_back(conf.error().message);
  KnownGuest guest{conf->guest, conf->gpu, {}};
  names_.insert(guest.name);
  for (const auto& d : conf->devices)
    guest.devices.push_back(
        {d.address, d.identity.empty() ? is_display(d.address) : is_display_identity(d.identity)});
  found.guests.push_back(std::move(guest));
}

void Collector::domain(const std::string& name) {
  // libvirt's file is named like the guest; a name with a slash is none.
  if (name.find('/') != std::string::npos) return;
  auto text = host_.read(names::domain_file(name), xml::largest_domain_xml);
  if (!text) return;
  KnownGuest guest{name, config::Gpu::automatic, {}};
  // libvirt writes these files itself and plainly, so a text without these words needs no parser.
  if (text->find("'hostdev'") != std::string::npos || text->find("<hostdev") != std::string::npos ||
      text->find("'nvme'") != std::string::npos) {
    const auto domain = xml::parse_domain(std::move(*text));
    if (!domain) return found.warnings.push_back(name + ": " + domain.error().message);
    for (const auto& d : domain->devices) guest.devices.push_back({d.address, is_display(d.address)});
  }
  found.guests.push_back(std::move(guest));
}

Result<config::GuestConf> read_conf(const std::string& path, const Result<std::string>& text) {
  auto conf = text ? config::parse_guest_conf(*text, path) : fail(text.error());
  if (!conf || !conf->guest.empty()) return conf;
  const auto name = path.substr(path.rfind('/') + 1);
  conf->guest = guest_of_file_name(name.substr(0, name.rfind('.')));
  return conf;
}

}  // namespace

Result<void> each_conf(const host::Host& host, const EachGuestConf& each) {
  return config::load_folder(
      host.path(names::guest_conf_folder),
      [&](const std::string& path, const Result<std::string>& text) { each(path, read_conf(path, text)); });
}

std::vector<std::string> defined_guests(const host::Host& host) {
  std::vector<std::string> guests;
  for (auto& name : host.list(names::libvirt_domain_folder)) {
    if (name.size() <= xml_suffix.size() || !name.ends_with(xml_suffix)) continue;
    name.resize(name.size() - xml_suffix.size());
    guests.push_back(std::move(name));
  }
  return guests;
}

KnownGuests known_guests(const host::Host& host) {
  Collector all(host);
  const auto loaded =
      each_conf(host, [&](const std::string&, const Result<config::GuestConf>& conf) { all.conf(conf); });
  if (!loaded) all.found.warnings.push_back(loaded.error().message);
  for (const auto& name : defined_guests(host))
    if (!all.has(name)) all.domain(name);
  return std::move(all.found);
}

KnownGuests known_guest(const host::Host& host, const std::string& name) {
  Collector one(host);
  const std::string path = host.path(names::guest_conf(name));
  const auto text = config::load(path);
  if (text || !text.error().is(ErrorKind::not_found)) one.conf(read_conf(path, text));
  if (one.found.guests.empty()) one.domain(name);
  if (one.found.guests.empty()) one.found.guests.push_back({name, {}, {}});
  // A conf without the name in it is the file's.
  one.found.guests.front().name = name;
  return std::move(one.found);
}

std::vector<std::string> guest_names(const host::Host& host) {
  std::set<std::string> all;
  for (const auto& guest : known_guests(host).guests) all.insert(guest.name);
  return {all.begin(), all.end()};
}

}  // namespace qh::cli
