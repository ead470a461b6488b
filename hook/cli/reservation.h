// udev's rule for the guests' cards, as the commands bring it in step and tell of it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "config/host_conf.h"
#include "handover/guest.h"
#include "handover/reservations.h"
#include "host/host.h"

namespace qh::cli {

// For commands that are about more than the rule: what cannot be done is a warning.
handover::Reservations sync_reservations(const host::Host& host, const config::HostConf& host_conf);

// What became of the guest's own devices, a line each.
std::vector<std::string> reservation_lines(const handover::Reservations& all, const handover::Guest& guest);
nlohmann::ordered_json to_json(const handover::Reservations& all, const handover::Guest& guest);

}  // namespace qh::cli
