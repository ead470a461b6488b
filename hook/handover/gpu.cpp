#include "handover/gpu.h"

#include "core/text.h"
#include "host/display.h"

namespace qh::handover {

config::Gpu gpu_kind(const std::string& root, const host::Sysfs& sysfs, const Guest& guest) {
  if (guest.gpu != config::Gpu::automatic) return guest.gpu;
  config::Gpu kind = config::Gpu::none;
  for (const auto& d : guest.devices) {
    if (!d.present || !d.present->is_display()) continue;
    if (!host::console_reasons(root, sysfs, d.address()).empty()) return config::Gpu::primary;
    kind = config::Gpu::secondary;
  }
  return kind;
}

std::vector<std::string> gpu_reasons(const std::string& root, const host::Sysfs& sysfs, const Guest& guest) {
  std::vector<std::string> lines;
  for (const auto& d : guest.devices) {
    if (!d.present || !d.present->is_display()) continue;
    const auto reasons = host::console_reasons(root, sysfs, d.address());
    lines.push_back(d.address().text() + (reasons.empty() ? " does not carry the host's console"
                                                          : " carries the host's console: " + join(reasons)));
  }
  return lines;
}

}  // namespace qh::handover
