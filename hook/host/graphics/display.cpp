#include "host/graphics/display.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"
#include "host/names.h"

namespace qh::host {
namespace {

using Range = std::pair<std::uint64_t, std::uint64_t>;

// "START END …" or "START-END …"; empty where the kernel shows zeros, as it does without root.
Range read_range(std::string_view text) {
  const std::string numbers(text.substr(0, text.find(" : ")));
  char* rest = nullptr;
  const std::uint64_t start = std::strtoull(numbers.c_str(), &rest, 16);
  return {start, *rest != '\0' ? std::strtoull(rest + 1, nullptr, 16) : 0};
}

// The function's BARs, from `resource`: lines of "start end flags" (Documentation/PCI/sysfs-pci.rst).
std::vector<Range> bars(const Host& host, const PciAddress& address) {
  std::vector<Range> all;
  const std::string text = host.sysfs.read(names::attribute(address, "resource")).value_or("");
  for (const auto line : split(text, '\n'))
    if (const Range bar = read_range(line); bar.second > bar.first) all.push_back(bar);
  return all;
}

// Memory that a firmware frame buffer occupies, with its name in /proc/iomem.
std::vector<std::pair<Range, std::string>> firmware_framebuffers(const Host& host) {
  const std::vector<std::string> known = {"efifb",     "vesafb", "BOOTFB", "simplefb",
                                          "simpledrm", "efidrm", "vesadrm"};
  std::vector<std::pair<Range, std::string>> all;
  const std::string text = host.read("/proc/iomem").value_or("");
  for (const auto line : split(text, '\n')) {
    const auto colon = line.find(" : ");
    if (colon == std::string_view::npos) continue;
    const std::string name(trimmed(line.substr(colon + 3)));
    const Range memory = read_range(line);
    if (contains(known, name) && memory.second > memory.first) all.emplace_back(memory, name);
  }
  return all;
}

}  // namespace

std::vector<std::string> firmware_framebuffers_on(const Host& host, const PciAddress& address) {
  std::vector<std::string> on_it;
  const auto all = firmware_framebuffers(host);
  if (all.empty()) return on_it;
  for (const auto& bar : bars(host, address))
    for (const auto& [memory, name] : all)
      if (memory.first >= bar.first && memory.second <= bar.second) add_once(on_it, name);
  return on_it;
}

std::vector<std::string> console_reasons(const Host& host, const PciAddress& address) {
  std::vector<std::string> reasons;
  if (host.sysfs.read(names::attribute(address, "boot_vga")) == "1")
    reasons.push_back("the firmware showed its messages on it (boot_vga)");
  // Every card with a KMS driver has a frame buffer; the text console takes the first. Since Linux 6.12 the
  // firmware's own is below its card too.
  const auto behind = host.sysfs.link("class/graphics/fb0/device");
  if (behind && (behind == address.text() || host.sysfs.exists(names::attribute(address, *behind))))
    reasons.push_back("the first frame buffer (fb0) is on it");
  for (const auto& name : firmware_framebuffers_on(host, address))
    reasons.push_back("the firmware's frame buffer (" + name + ") is in its memory");
  return reasons;
}

}  // namespace qh::host
