#include "host/graphics/console.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/contains.h"
#include "core/text.h"
#include "host/names.h"

namespace qh::host {
namespace {

bool is_numbered(const std::string& name, const std::string& prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

using Range = std::pair<std::uint64_t, std::uint64_t>;

// "START END …" or "START-END …"; empty where the kernel shows zeros, as it does without root.
Range read_range(std::string_view text) {
  text = trimmed(text);
  return {to_number(text, 16), to_number(text.substr(text.find_first_of(" -") + 1), 16)};
}

// The names in /proc/iomem of the firmware's frame buffers that lie in the function's memory: "efifb".
std::vector<std::string> firmware_framebuffers_on(const Host& host, const PciAddress& address) {
  const std::vector<std::string> known = {"efifb",     "vesafb", "BOOTFB", "simplefb",
                                          "simpledrm", "efidrm", "vesadrm"};
  std::vector<std::string> on_it;
  const std::string memory = host.read("/proc/iomem").value_or("");
  for (const auto line : split(memory, '\n')) {
    const auto colon = line.find(" : ");
    const std::string name(colon == std::string_view::npos ? "" : trimmed(line.substr(colon + 3)));
    if (!contains(known, name)) continue;
    const auto [start, end] = read_range(line);
    // The function's BARs: lines of "start end flags" (Documentation/PCI/sysfs-pci.rst).
    const std::string bars = host.sysfs.read(names::attribute(address, "resource")).value_or("");
    for (const auto bar : split(bars, '\n'))
      if (start < end && read_range(bar).first <= start && end <= read_range(bar).second)
        add_once(on_it, name);
  }
  return on_it;
}

bool is_boot_card(const Host& host, const PciAddress& address) {
  return host.sysfs.read(names::attribute(address, "boot_vga")) == "1";
}

// Whether the card that the firmware showed its messages on has a frame buffer of its driver's.
bool boot_card_has_framebuffer(const Host& host) {
  const auto all = host.sysfs.list("class/graphics");
  return std::ranges::any_of(all, [&](const std::string& name) {
    if (!is_numbered(name, "fb")) return false;
    const auto card = parse_pci_address(host.sysfs.link("class/graphics/" + name + "/device").value_or(""));
    return card && is_boot_card(host, *card);
  });
}

}  // namespace

std::vector<std::string> console_reasons(const Host& host, const PciAddress& address) {
  std::vector<std::string> reasons;
  const bool is_first = is_boot_card(host, address);
  if (is_first) reasons.push_back("the firmware showed its messages on it (boot_vga)");
  // Every card with a KMS driver has a frame buffer; the text console takes the first, and goes over to the
  // boot card's when that comes (fbcon_select_primary in drivers/video/fbdev/core/fbcon.c, where
  // FRAMEBUFFER_CONSOLE_DETECT_PRIMARY is set, as in Debian's kernels). Since Linux 6.12 the firmware's own
  // is below its card too.
  const auto behind = host.sysfs.link("class/graphics/fb0/device");
  if (behind && (behind == address.text() || host.sysfs.exists(names::attribute(address, *behind))) &&
      (is_first || !boot_card_has_framebuffer(host)))
    reasons.push_back("the first frame buffer (fb0) is on it");
  for (const auto& name : firmware_framebuffers_on(host, address))
    reasons.push_back("the firmware's frame buffer (" + name + ") is in its memory");
  return reasons;
}

Result<std::vector<Console>> framebuffer_consoles(const Host& host) {
  std::vector<Console> all;
  for (const auto& name : host.sysfs.list(names::consoles)) {
    const std::string folder = std::string(names::consoles) + "/" + name;
    // "(M) frame buffer device", M for modular, S for system (drivers/tty/vt/vt.c, show_name).
    const std::string title = host.sysfs.read(folder + "/name").value_or("");
    if (!is_numbered(name, "vtcon") || title.find("frame buffer") == std::string::npos) continue;
    const auto bound = host.sysfs.read(folder + "/bind");
    if (!bound && bound.error().is(ErrorKind::timed_out)) {
      Error error = bound.error();
      error.message = "the kernel holds its text consoles: " + error.message;
      error.remedy =
          "a graphics driver hangs; `dmesg` may say which. When it goes on, `qemu-hook --reattach` does what "
          "is "
          "left to do; if it never does, reboot";
      return fail(std::move(error));
    }
    all.push_back({name, bound && *bound == "1"});
  }
  return all;
}

std::vector<PlatformFramebuffer> platform_framebuffers(const Host& host, const PciAddress& address) {
  std::vector<PlatformFramebuffer> all;
  const bool in_memory = !firmware_framebuffers_on(host, address).empty();
  // simpledrm is a driver for "simple-framebuffer" (drivers/gpu/drm/tiny/simpledrm.c), as simplefb is; efidrm
  // and vesadrm take the other two.
  for (const std::string driver : {"efi-framebuffer", "vesa-framebuffer", "simple-framebuffer"})
    for (const auto& device : host.sysfs.list(names::platform_driver(driver)))
      if (is_numbered(device, driver + ".") &&
          (in_memory || host.sysfs.exists(names::attribute(address, device))))
        all.push_back({driver, device});
  return all;
}

std::vector<std::string> drm_cards(const Host& host, const PciAddress& address) {
  auto cards = host.sysfs.list(names::attribute(address, "drm"));
  std::erase_if(cards, [](const auto& name) { return !is_numbered(name, "card"); });
  return cards;
}

}  // namespace qh::host
