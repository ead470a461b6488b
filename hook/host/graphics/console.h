// Which GPU carries the host's console: measured, never configured. And the text consoles and the firmware's
// frame buffer, as the kernel binds them.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

// Why the function carries the console, one reason a line for a person; empty: it does not. Looked at:
// boot_vga, the device behind the first frame buffer, the firmware's frame buffer inside one of its BARs.
std::vector<std::string> console_reasons(const Host& host, const PciAddress& address);

struct Console {
  std::string name;  // "vtcon1": numbered in the order of their making, so it says nothing by itself
  bool bound = false;
};

// The text consoles that draw into a frame buffer; a dummy or a VGA text one is none of them. timed_out: the
// kernel's console lock is held, by a driver that hangs (show_bind in drivers/tty/vt/vt.c takes it since
// Linux 5.4).
Result<std::vector<Console>> framebuffer_consoles(const Host& host);

// A frame buffer that the firmware set up, with the driver that has it.
struct PlatformFramebuffer {
  std::string driver;  // "efi-framebuffer"
  std::string device;  // "efi-framebuffer.0"
};

// Those that show on the function: their memory lies in its BARs, or the kernel put them below it.
std::vector<PlatformFramebuffer> platform_framebuffers(const Host& host, const PciAddress& address);

// The names of the function's DRM cards, "card0"; empty without a driver for it.
std::vector<std::string> drm_cards(const Host& host, const PciAddress& address);

}  // namespace qh::host
