// Which GPU carries the host's console: measured, never configured.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

// Why the function carries the console, one reason a line for a person; empty: it does not. Looked at:
// boot_vga, the device behind the first frame buffer, the firmware's frame buffer inside one of its BARs.
std::vector<std::string> console_reasons(const Host& host, const PciAddress& address);

// The names in /proc/iomem of the firmware's frame buffers that lie in the function's memory: "efifb".
std::vector<std::string> firmware_framebuffers_on(const Host& host, const PciAddress& address);

}  // namespace qh::host
