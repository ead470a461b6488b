// What every command about one guest begins with: its XML, its conf, and this host, put together.
#pragma once

#include <string>

#include "cli/options.h"
#include "handover/assessment.h"
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

// What a start of the guest would be told and would do, with this process denied what the hook is denied.
handover::Assessment assess_start(const host::Host& host, const handover::Guest& guest);
// The same of the guest that the call names, whose conf stays as it is.
Result<handover::Assessment> assess_guest(const host::Host& host, const Options& options);

}  // namespace qh::cli
