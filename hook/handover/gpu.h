// Which kind of GPU a guest takes, if any.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "handover/guest.h"

namespace qh::handover {

// What the conf says, or for "auto": primary when one of the guest's displays carries the host's console,
// secondary when it has displays that do not, else none.
config::Gpu gpu_kind(config::Gpu conf, const std::vector<PciAddress>& displays,
                     const std::function<bool(const PciAddress&)>& carries_console);

// The guest's displays as measured on the host.
struct GpuUse {
  std::vector<std::string> sentences;  // one for each, on whether it carries the host's console
  config::Gpu kind = config::Gpu::none;
  // The guest's functions on cards that carry the console, all functions of their slots; where the conf says
  // "primary" and none is found to, all its displays' cards. Empty if the guest's kind is another one.
  std::vector<PciAddress> console_devices;
};

GpuUse measure_gpu(const host::Host& host, const Guest& guest);

}  // namespace qh::handover
