// What every command about one guest begins with: its XML, its conf, and this host, put together.
#pragma once

#include <string>

#include "cli/options.h"
#include "handover/conf.h"
#include "handover/guest.h"
#include "host/host.h"

namespace qh::cli {

struct LoadedGuest {
  xml::Domain domain;
  handover::SyncedConf conf;
  handover::Guest guest;
};

// What becomes of the guest's conf on the way.
enum class Conf {
  read_only,             // --check, --plan
  read_only_and_accept,  // --setup --dry-run
  sync,                  // --detach
  sync_and_accept,       // --setup: another card at an address is taken over
};

// Warnings are printed.
Result<LoadedGuest> load_guest(const host::Host& host, const Options& options,
                               const config::HostConf& host_conf, Conf conf);

// The same from a domain that is there already.
Result<LoadedGuest> put_together(const host::Host& host, const config::HostConf& host_conf,
                                 xml::Domain domain, Conf conf,
                                 const handover::ReserveSettings& reserve = {});

}  // namespace qh::cli
