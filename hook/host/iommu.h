// Whether the machine's IOMMU is at work, and if not, on whom it depends.
#pragma once

#include <string>

#include "host/sysfs.h"

namespace qh::host {

// Whether the kernel has an IOMMU at work, for whichever devices.
bool iommu_at_work(const Sysfs& sysfs);

// What to do about a device that is in no IOMMU group: tells the firmware's part from the kernel's.
std::string iommu_remedy(const std::string& root, bool at_work);

}  // namespace qh::host
