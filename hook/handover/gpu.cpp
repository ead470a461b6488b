#include "handover/gpu.h"

#include "core/text.h"
#include "host/graphics/display.h"

namespace qh::handover {

config::Gpu gpu_kind(const host::Host& host, const Guest& guest) {
  if (guest.gpu != config::Gpu::automatic) return guest.gpu;
  config::Gpu kind = config::Gpu::none;
  for (const auto& d : guest.devices) {
    if (!d.present || !d.present->is_display()) continue;
    if (!host::console_reasons(host, d.address()).empty()) return config::Gpu::primary;
    kind = config::Gpu::secondary;
  }
  return kind;
}

std::vector<std::string> gpu_reasons(const host::Host& host, const Guest& guest) {
  std::vector<std::string> lines;
  for (const auto& d : guest.devices) {
    if (!d.present || !d.present->is_display()) continue;
    const auto reasons = host::console_reasons(host, d.address());
    lines.push_back(d.address().text() + (reasons.empty() ? " does not carry the host's console"
                                                          : " carries the host's console: " + join(reasons)));
  }
  return lines;
}

std::vector<PciAddress> console_devices(const host::Host& host, const Guest& guest) {
  if (gpu_kind(host, guest) != config::Gpu::primary) return {};
  std::vector<PciAddress> displays, carrying;
  for (const auto& d : guest.devices) {
    if (!d.present || !d.present->is_display()) continue;
    displays.push_back(d.address());
    if (!host::console_reasons(host, d.address()).empty()) carrying.push_back(d.address());
  }
  if (carrying.empty()) carrying = std::move(displays);
  std::vector<PciAddress> all;
  for (const auto& d : guest.devices)
    for (const auto& card : carrying)
      if (d.address().same_slot(card)) {
        all.push_back(d.address());
        break;
      }
  return all;
}

}  // namespace qh::handover
