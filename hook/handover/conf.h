// The conf files as every entry point uses them: the host's, and a guest's, synced with its XML.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/host_conf.h"
#include "config/sync.h"
#include "host/host.h"
#include "xml/domain.h"

namespace qh::handover {

// The defaults where there is no file. bad_input: it cannot be used.
Result<config::HostConf> load_host_conf(const host::Host& host);

// A guest's conf as it is on disk: by the guest's name, or, if it has none of that name, by its UUID (may be
// empty) among the confs of guests that are no longer defined: it was renamed (virsh domrename). Without
// devices if there is none. The host's defaults stand where it says nothing. Fails where a conf is not to be
// used: refused (others may write it), or it cannot be read.
Result<config::GuestConf> load_guest_conf(const host::Host& host, const std::string& guest,
                                          const std::string& uuid = {},
                                          const config::Defaults& defaults = {});

// What a conf file says. One that does not say its guest has the one that its name says, and a device whose
// identity it does not say has that of the card which is there now.
Result<config::GuestConf> parse_conf_file(const host::Host& host, const std::string& path,
                                          const Result<std::string>& text,
                                          const config::Defaults& defaults = {});

// Each guest's conf so, in the order of the files' names. Fails if the folder is not to be trusted.
using EachGuestConf = std::function<void(const std::string& path, const Result<config::GuestConf>& conf)>;
Result<void> each_conf(const host::Host& host, const config::Defaults& defaults, const EachGuestConf& each);

struct SyncedConf {
  std::string path;
  config::Synced synced;
  std::vector<std::string> notices;
  std::optional<Error> not_saved;  // it should have been written and could not
};

// `reserve` to be set for some of the guest's devices.
using ReserveSettings = std::map<PciAddress, Reserve>;

// What syncing would make of the guest's conf. Fails where the conf is not to be used: bad_input (it does not
// parse), refused (others may write it).
Result<SyncedConf> read_conf(const host::Host& host, const config::HostConf& host_conf,
                             const xml::Domain& domain, config::OnOtherCard on_other_card,
                             const ReserveSettings& reserve = {});
// The same, and writes what changed and gives the conf of a renamed guest its new name, unless the host's
// conf forbids it. A conf that cannot be written is no failure here.
Result<SyncedConf> sync_conf(const host::Host& host, const config::HostConf& host_conf,
                             const xml::Domain& domain, config::OnOtherCard on_other_card,
                             const ReserveSettings& reserve = {});

}  // namespace qh::handover
