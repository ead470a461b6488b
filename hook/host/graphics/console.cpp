#include "host/graphics/console.h"

#include "host/graphics/display.h"
#include "host/names.h"

namespace qh::host {
namespace {

bool is_numbered(const std::string& name, const std::string& prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

}  // namespace

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
          "a graphics driver hangs; `dmesg` may say which. When it goes on, `qemu-hook --reattach` does what is "
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
  std::vector<std::string> cards;
  for (const auto& name : host.sysfs.list(names::attribute(address, "drm")))
    if (is_numbered(name, "card")) cards.push_back(name);
  return cards;
}

}  // namespace qh::host
