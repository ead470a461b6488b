#include "handover/gpu.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "host/graphics/display.h"

namespace qh::handover {

config::Gpu gpu_kind(config::Gpu conf, const std::vector<PciAddress>& displays,
                     const std::function<bool(const PciAddress&)>& carries_console) {
  if (conf != config::Gpu::automatic) return conf;
  if (std::any_of(displays.begin(), displays.end(), carries_console)) return config::Gpu::primary;
  return displays.empty() ? config::Gpu::none : config::Gpu::secondary;
}

std::vector<std::string> GpuUse::sentences() const {
  std::vector<std::string> lines;
  for (const auto& d : displays)
    lines.push_back(d.address.text() + (d.console_reasons.empty()
                                            ? " does not carry the host's console"
                                            : " carries the host's console: " + join(d.console_reasons)));
  return lines;
}

GpuUse measure_gpu(const host::Host& host, const Guest& guest) {
  GpuUse use;
  const auto displays = guest.addresses_of(&Device::is_display);
  std::vector<PciAddress> carrying;
  for (const auto& address : displays) {
    use.displays.push_back({address, host::console_reasons(host, address)});
    if (!use.displays.back().console_reasons.empty()) carrying.push_back(address);
  }
  use.kind = gpu_kind(guest.gpu, displays, [&](const auto& address) { return contains(carrying, address); });
  if (use.kind != config::Gpu::primary) return use;
  if (carrying.empty()) carrying = displays;
  for (const auto& d : guest.devices)
    if (std::any_of(carrying.begin(), carrying.end(),
                    [&](const auto& card) { return d.address().same_slot(card); }))
      use.console_devices.push_back(d.address());
  return use;
}

}  // namespace qh::handover
