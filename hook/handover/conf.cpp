#include "handover/conf.h"

#include <unistd.h>

#include <cerrno>

#include "config/store.h"
#include "core/text.h"
#include "host/names.h"
#include "host/pci/pci_device.h"
#include "host/pci/pci_ids.h"

namespace qh::handover {
namespace {

// A conf as it is on disk.
struct FoundConf {
  std::string path;                  // where it is; where it would be, if there is none
  std::string text;                  // empty if there is none
  std::vector<std::string> notices;  // that it has another name; confs that could be meant and are not used
};

std::string guest_of_conf_file(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  return guest_of_file_name(file.substr(0, file.rfind('.')));
}

// Whether libvirt has a guest of that name, as far as its files tell. What cannot be looked at may be there.
bool is_defined(const host::Host& host, const std::string& guest) {
  for (const auto& file : {host.path(names::domain_file(guest)), host.path(names::live_state(guest)),
                           host.path(names::pid_file(guest))})
    if (::access(file.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)) return true;
  return false;
}

// The confs with this UUID of guests that are no longer defined.
std::vector<FoundConf> former_confs(const host::Host& host, const std::string& guest, const std::string& uuid,
                                    std::vector<std::string>& notices) {
  std::vector<FoundConf> found;
  const auto look = [&](const std::string& path, const Result<std::string>& text) {
    if (!text || lower_case(*text).find(uuid) == std::string::npos) return;
    const auto conf = config::parse_guest_conf(*text, path);
    if (!conf) {
      notices.push_back("not used for " + in_quotes(guest) +
                        ", although it has its UUID: " + conf.error().message);
      return;
    }
    for (const auto& name : {conf->guest, guest_of_conf_file(path)})
      if (!name.empty() && name != guest && is_defined(host, name)) return;
    if (conf->uuid == uuid) found.push_back({path, *text, {}});
  };
  (void)config::load_folder(host.path(names::guest_conf_folder), look);
  return found;
}

Result<FoundConf> find_conf(const host::Host& host, const std::string& guest, const std::string& uuid) {
  FoundConf none{host.path(names::guest_conf(guest)), "", {}};
  auto text = config::load(none.path);
  if (text) return FoundConf{none.path, std::move(*text), {}};
  if (!text.error().is(ErrorKind::not_found)) return fail(text.error());
  if (uuid.empty()) return none;
  auto former = former_confs(host, guest, uuid, none.notices);
  if (former.size() == 1) return std::move(former.front());
  if (former.empty()) return none;
  std::vector<std::string> paths;
  for (const auto& f : former) paths.push_back(f.path);
  none.notices.push_back("not used for " + in_quotes(guest) + ", since more than one has its UUID: " +
                         join(paths, " and ") + "; give the right one the name " + none.path);
  return none;
}

}  // namespace

Result<config::HostConf> load_host_conf(const host::Host& host) {
  const std::string path = host.path(names::host_conf);
  const auto text = config::load(path);
  if (text) return config::parse_host_conf(*text, path);
  if (text.error().is(ErrorKind::not_found)) return config::HostConf{};
  return fail(text.error());
}

Result<config::GuestConf> load_guest_conf(const host::Host& host, const std::string& guest,
                                          const std::string& uuid, const config::Defaults& defaults) {
  const auto found = find_conf(host, guest, uuid);
  if (!found) return fail(found.error());
  return config::parse_guest_conf(found->text, found->path, defaults);
}

Result<config::GuestConf> parse_conf_file(const host::Host& host, const std::string& path,
                                          const Result<std::string>& text, const config::Defaults& defaults) {
  auto conf = text ? config::parse_guest_conf(*text, path, defaults) : fail(text.error());
  if (!conf) return conf;
  if (conf->guest.empty()) conf->guest = guest_of_conf_file(path);
  for (auto& d : conf->devices)
    if (d.identity.empty())
      if (const auto present = host::read_pci_device(host, d.address)) d.identity = present->identity;
  return conf;
}

Result<void> each_conf(const host::Host& host, const config::Defaults& defaults, const EachGuestConf& each) {
  return config::load_folder(host.path(names::guest_conf_folder),
                             [&](const std::string& path, const Result<std::string>& text) {
                               each(path, parse_conf_file(host, path, text, defaults));
                             });
}

Result<SyncedConf> read_conf(const host::Host& host, const config::HostConf& host_conf,
                             const xml::Domain& domain, config::OnOtherCard on_other_card,
                             const ReserveSettings& reserve) {
  auto found = find_conf(host, domain.name, domain.uuid);
  if (!found) return fail(found.error());
  SyncedConf result{found->path, {}, std::move(found->notices), {}};

  config::WantedGuest wanted{domain.name, domain.uuid, {}, host_conf.defaults.settings.reserve};
  for (const auto& d : domain.devices) {
    const auto present = host::read_pci_device(host, d.address);
    // The name is a comment beside a new entry: only then the list of names is worth reading.
    const bool is_new = found->text.find(d.address.text()) == std::string::npos;
    wanted.devices.push_back({d.address, present ? present->identity : "",
                              present && is_new ? host::pci_name(host, present->identity) : ""});
    if (const auto set = reserve.find(d.address); set != reserve.end())
      wanted.devices.back().reserve = set->second;
  }
  auto synced = config::sync(found->text, result.path, wanted, on_other_card);
  if (!synced) return fail(synced.error());
  result.synced = std::move(*synced);
  if (found->path != host.path(names::guest_conf(domain.name)))
    result.notices.push_back("the guest was renamed: " + found->path + " is read as its conf");
  if (host_conf.defaults == config::Defaults{}) return result;
  auto with_defaults = config::parse_guest_conf(result.synced.text, result.path, host_conf.defaults);
  if (!with_defaults) return fail(with_defaults.error());
  result.synced.conf = std::move(*with_defaults);
  return result;
}

Result<SyncedConf> sync_conf(const host::Host& host, const config::HostConf& host_conf,
                             const xml::Domain& domain, config::OnOtherCard on_other_card,
                             const ReserveSettings& reserve) {
  auto conf = read_conf(host, host_conf, domain, on_other_card, reserve);
  if (!conf || !host_conf.write_confs) return conf;
  const std::string path = host.path(names::guest_conf(domain.name));
  if (conf->path != path) {
    // First the name: with the other order two at once could make a second file.
    if (auto renamed = config::rename(conf->path, path); !renamed) {
      conf->not_saved = renamed.error();
      return conf;
    }
    conf->notices = {"the guest was renamed: its conf " + conf->path + " is now " + path};
    conf->path = path;
  }
  if (conf->synced.changed)
    if (auto saved = config::save(conf->path, conf->synced.text); !saved) conf->not_saved = saved.error();
  return conf;
}

}  // namespace qh::handover
