#include "cli/known_guests.h"

#include <optional>
#include <unordered_set>

#include "config/store.h"
#include "handover/conf.h"
#include "host/names.h"
#include "host/pci/pci_device.h"
#include "xml/domain.h"

namespace qh::cli {
namespace {

constexpr std::string_view xml_suffix = ".xml";

// From libvirt's own file. Nothing where there is no such file, or it is not ours to read.
std::optional<config::GuestConf> defined_guest(const host::Host& host, const std::string& name, Warn* warn) {
  // libvirt's file is named like the guest; a name with a slash is none.
  if (name.find('/') != std::string::npos) return std::nullopt;
  auto text = host.read(names::domain_file(name), xml::largest_domain_xml);
  if (!text) return std::nullopt;
  config::GuestConf guest;
  guest.guest = name;
  // libvirt writes these files itself and plainly, so a text without these words needs no parser.
  if (text->find("'hostdev'") == std::string::npos && text->find("<hostdev") == std::string::npos &&
      text->find("'nvme'") == std::string::npos)
    return guest;
  const auto domain = xml::parse_domain(std::move(*text));
  if (!domain) {
    warn(name + ": " + domain.error().message);
    return std::nullopt;
  }
  for (const auto& d : domain->devices) {
    const auto present = host::read_pci_device(host, d.address);
    guest.devices.push_back({d.address, present ? present->identity : ""});
  }
  return guest;
}

}  // namespace

std::vector<std::string> defined_guests(const host::Host& host) {
  std::vector<std::string> guests;
  for (auto& name : host.list(names::libvirt_domain_folder)) {
    if (name.size() <= xml_suffix.size() || !name.ends_with(xml_suffix)) continue;
    name.resize(name.size() - xml_suffix.size());
    guests.push_back(std::move(name));
  }
  return guests;
}

KnownGuests configured_guests(const host::Host& host, Warn* warn) {
  KnownGuests guests;
  const auto loaded =
      handover::each_conf(host, {}, [&](const std::string&, const Result<config::GuestConf>& conf) {
        if (!conf) return warn(conf.error().message);
        guests.push_back(*conf);
      });
  if (!loaded) warn(loaded.error().message);
  return guests;
}

KnownGuests known_guests(const host::Host& host, Warn* warn) {
  auto guests = configured_guests(host, warn);
  std::unordered_set<std::string> configured;
  for (const auto& guest : guests) configured.insert(guest.guest);
  for (const auto& name : defined_guests(host))
    if (!configured.contains(name))
      if (auto guest = defined_guest(host, name, warn)) guests.push_back(std::move(*guest));
  return guests;
}

config::GuestConf known_guest(const host::Host& host, const std::string& name, Warn* warn) {
  const std::string path = host.path(names::guest_conf(name));
  const auto conf = handover::parse_conf_file(host, path, config::load(path));
  if (!conf && !conf.error().is(ErrorKind::not_found)) warn(conf.error().message);
  auto guest = conf ? *conf : defined_guest(host, name, warn).value_or(config::GuestConf{});
  // A conf without the name in it is the file's.
  guest.guest = name;
  return guest;
}

std::map<PciAddress, std::vector<std::string>> guests_by_device(const KnownGuests& guests) {
  std::map<PciAddress, std::vector<std::string>> by_device;
  for (const auto& guest : guests)
    for (const auto& d : guest.devices) by_device[d.address].push_back(guest.guest);
  return by_device;
}

}  // namespace qh::cli
