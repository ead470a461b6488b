#include "host/display.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "core/text.h"
#include "host/file.h"
#include "host/names.h"

namespace qh::host {
namespace {

using Range = std::pair<std::uint64_t, std::uint64_t>;

// The function's BARs, from `resource`: lines of "start end flags" (Documentation/PCI/sysfs-pci.rst).
std::vector<Range> bars(const Sysfs& sysfs, const PciAddress& address) {
  std::vector<Range> all;
  const std::string text = sysfs.read(names::attribute(address, "resource")).value_or("");
  for (const auto line : split(text, '\n')) {
    char* rest = nullptr;
    const std::string l(line);
    const std::uint64_t start = std::strtoull(l.c_str(), &rest, 16);
    const std::uint64_t end = std::strtoull(rest, nullptr, 16);
    if (end > start) all.emplace_back(start, end);
  }
  return all;
}

// Memory that a firmware frame buffer occupies, with its name in /proc/iomem.
std::vector<std::pair<Range, std::string>> firmware_framebuffers(const std::string& root) {
  std::vector<std::pair<Range, std::string>> all;
  const auto text = read_file(root + "/proc/iomem");
  if (!text) return all;
  for (const auto line : split(*text, '\n')) {
    const auto colon = line.find(" : ");
    if (colon == std::string_view::npos) continue;
    const std::string name(trimmed(line.substr(colon + 3)));
    if (name != "efifb" && name != "vesafb" && name != "BOOTFB" && name != "simpledrm" && name != "simplefb")
      continue;
    char* rest = nullptr;
    const std::string l(line);
    const std::uint64_t start = std::strtoull(l.c_str(), &rest, 16);
    const std::uint64_t end = *rest == '-' ? std::strtoull(rest + 1, nullptr, 16) : 0;
    // Without root the kernel shows zeros.
    if (end > start) all.push_back({{start, end}, name});
  }
  return all;
}

}  // namespace

std::vector<std::string> console_reasons(const std::string& root, const Sysfs& sysfs,
                                         const PciAddress& address) {
  std::vector<std::string> reasons;
  if (sysfs.read(names::attribute(address, "boot_vga")) == "1")
    reasons.push_back("the firmware showed its messages on it (boot_vga)");
  // Every card with a KMS driver has a frame buffer; the text console takes the first.
  if (sysfs.link("class/graphics/fb0/device") == address.text())
    reasons.push_back("the first frame buffer (fb0) is on it");
  for (const auto& [memory, name] : firmware_framebuffers(root))
    for (const auto& bar : bars(sysfs, address))
      if (memory.first >= bar.first && memory.second <= bar.second)
        reasons.push_back("the firmware's frame buffer (" + name + ") lies in its memory");
  return reasons;
}

}  // namespace qh::host
