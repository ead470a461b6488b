#include "handover/gpu.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "host/graphics/console.h"

namespace qh::handover {

config::Gpu gpu_kind(config::Gpu conf, const std::vector<PciAddress>& displays,
                     const std::function<bool(const PciAddress&)>& carries_console) {
  if (conf != config::Gpu::automatic) return conf;
  if (std::ranges::any_of(displays, carries_console)) return config::Gpu::primary;
  return displays.empty() ? config::Gpu::none : config::Gpu::secondary;
}

GpuUse measure_gpu(const host::Host& host, const Guest& guest) {
  GpuUse use;
  const auto displays = guest.addresses_of(&Device::is_display);
  std::vector<PciAddress> carrying;
  for (const auto& address : displays) {
    const auto reasons = host::console_reasons(host, address);
    if (!reasons.empty()) carrying.push_back(address);
    use.sentences.push_back(address.text() + (reasons.empty()
                                                  ? " does not carry the host's console"
                                                  : " carries the host's console: " + join(reasons)));
  }
  use.kind = gpu_kind(guest.gpu, displays, [&](const auto& address) { return contains(carrying, address); });
  if (use.kind != config::Gpu::primary) return use;
  if (carrying.empty()) carrying = displays;
  use.console_devices = guest.addresses_of([&](const Device& d) {
    return std::ranges::any_of(carrying, [&](const auto& card) { return d.address().same_slot(card); });
  });
  return use;
}

}  // namespace qh::handover
