// Whether the machine's IOMMU works, and if not, whether firmware or kernel is to blame.
#pragma once

#include <string>

#include "host/host.h"

namespace qh::host {

// Whether the kernel has an IOMMU at work, for whichever devices.
inline bool iommu_at_work(const Host& host) {
  return !host.sysfs.list("class/iommu").empty();
}

// What to do about a device that is in no IOMMU group: tells the firmware's part from the kernel's.
std::string iommu_remedy(const Host& host, bool at_work);

}  // namespace qh::host
