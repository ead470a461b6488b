// An IOMMU covers each device.
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void iommu(const Survey& s, const Device& d, Findings& out) {
  if (d.present && !d.present->is_bridge() && d.present->iommu_group.empty())
    refuse(out, "IOMMU", d, "it is in no IOMMU group", s.iommu_remedy);
}

}  // namespace qh::handover::checks
