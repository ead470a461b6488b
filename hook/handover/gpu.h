// What kind of GPU guest it is.
#pragma once

#include <string>
#include <vector>

#include "handover/guest.h"
#include "host/host.h"

namespace qh::handover {

// The conf's `gpu`, with "auto" decided from the host: primary when a display-class device of the guest
// carries the console, secondary when it has another one, else none.
config::Gpu gpu_kind(const host::Host& host, const Guest& guest);

// Why, a sentence for each display of the guest.
std::vector<std::string> gpu_reasons(const host::Host& host, const Guest& guest);

// The guest's functions on cards that carry the console, all functions of their slots; where the conf says
// "primary" and none is found to, all its displays' cards. Empty if the guest's kind is another one.
std::vector<PciAddress> console_devices(const host::Host& host, const Guest& guest);

}  // namespace qh::handover
