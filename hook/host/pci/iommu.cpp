#include "host/pci/iommu.h"

namespace qh::host {

std::string iommu_remedy(const Host& host, bool at_work) {
  if (at_work) return "the IOMMU works but does not cover this device; another slot may help";
  // The firmware describes its IOMMU in one of these tables, and leaves it out when it is switched off
  // (ACPI's DMAR for Intel's VT-d, IVRS for AMD-Vi).
  if (host.sysfs.exists("firmware/acpi/tables/DMAR"))
    return "VT-d is on in the firmware, but the kernel does not use it: boot with intel_iommu=on";
  if (host.sysfs.exists("firmware/acpi/tables/IVRS"))
    return "AMD-Vi is on in the firmware, but the kernel does not use it: boot without amd_iommu=off and "
           "iommu=off";
  return "switch on the IOMMU in the firmware's setup (VT-d, AMD-Vi), and on Intel boot with intel_iommu=on";
}

}  // namespace qh::host
