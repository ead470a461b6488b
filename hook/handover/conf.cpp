#include "handover/conf.h"

#include "config/store.h"
#include "host/names.h"
#include "host/pci_device.h"
#include "host/pci_ids.h"

namespace qh::handover {

Result<config::HostConf> load_host_conf(const std::string& root) {
  const std::string path = root + names::host_conf;
  const auto text = config::load(path);
  if (text) return config::parse_host_conf(*text, path);
  if (text.error().is(ErrorKind::not_found)) return config::HostConf{};
  return fail(text.error());
}

Result<SyncedConf> read_conf(const std::string& root, const config::HostConf& host_conf,
                             const host::Sysfs& sysfs, const xml::Domain& domain,
                             config::OnOtherCard on_other_card) {
  SyncedConf result;
  result.path = root + names::guest_conf(domain.name);
  auto text = config::load(result.path);
  if (!text && !text.error().is(ErrorKind::not_found)) return fail(text.error());
  if (!text) text = std::string();

  config::WantedGuest wanted{domain.name, domain.uuid, {}};
  for (const auto& d : domain.devices) {
    const auto present = host::read_pci_device(sysfs, d.address);
    // The name is a comment beside a new entry: only then the list of names is worth reading.
    const bool is_new = text->find(d.address.text()) == std::string::npos;
    wanted.devices.push_back({d.address, present ? present->identity : "",
                              present && is_new ? host::pci_name(present->identity) : ""});
  }
  auto synced = config::sync(*text, result.path, wanted, on_other_card);
  if (!synced) return fail(synced.error());
  result.synced = std::move(*synced);
  if (host_conf.defaults == config::Defaults{}) return result;
  auto with_defaults = config::parse_guest_conf(result.synced.text, result.path, host_conf.defaults);
  if (!with_defaults) return fail(with_defaults.error());
  result.synced.conf = std::move(*with_defaults);
  return result;
}

Result<SyncedConf> sync_conf(const std::string& root, const config::HostConf& host_conf,
                             const host::Sysfs& sysfs, const xml::Domain& domain,
                             config::OnOtherCard on_other_card) {
  auto conf = read_conf(root, host_conf, sysfs, domain, on_other_card);
  if (conf && conf->synced.changed && host_conf.write_confs)
    if (auto saved = config::save(conf->path, conf->synced.text); !saved) conf->not_saved = saved.error();
  return conf;
}

}  // namespace qh::handover
