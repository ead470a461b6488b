// An IOMMU covers each device.
#include "handover/checks/check.h"

namespace qh::handover::checks {

void iommu(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices)
    if (d.present && !d.present->is_bridge() && d.present->iommu_group.empty())
      refuse(out, "IOMMU", d, "it is in no IOMMU group", s.iommu_remedy);
}

}  // namespace qh::handover::checks
