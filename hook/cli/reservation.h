// udev's rule for the guests' cards, as the commands bring it in step.
#pragma once

#include "config/host_conf.h"
#include "handover/reservations.h"
#include "host/host.h"

namespace qh::cli {

// For commands that are about more than the rule: what cannot be done is a warning.
handover::Reservations sync_reservations(const host::Host& host, const config::HostConf& host_conf);

}  // namespace qh::cli
