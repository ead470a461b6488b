// Which GPU carries the host's console: measured, never configured.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/sysfs.h"

namespace qh::host {

// Why the function carries the console, one reason a line for a person; empty: it does not. Looked at:
// boot_vga, the device behind the first frame buffer, the firmware's frame buffer inside one of its BARs.
std::vector<std::string> console_reasons(const std::string& root, const Sysfs& sysfs,
                                         const PciAddress& address);

}  // namespace qh::host
