#include "host/pci/reset_bug.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/contains.h"
#include "core/text.h"
#include "host/names.h"
#include "host/pci/pci_device.h"

namespace qh::host {
namespace {

struct Family {
  const char* name;
  std::array<std::uint16_t, 16> devices;  // ended by 0
};

// The families that vendor-reset was written for: src/device-db.h in https://github.com/gnif/vendor-reset,
// for its ids. Left out are the graphics inside processors that it later tries with the Navi 10 method, and
// newer cards (Navi 23) that most people reset without it.
constexpr std::array<Family, 8> families{{
    {"Polaris 10",
     {0x67c0, 0x67c1, 0x67c2, 0x67c4, 0x67c7, 0x67c8, 0x67c9, 0x67ca, 0x67cc, 0x67cf, 0x67d0, 0x67df,
      0x6fdf}},
    {"Polaris 11", {0x67e0, 0x67e1, 0x67e3, 0x67e7, 0x67e8, 0x67e9, 0x67eb, 0x67ef, 0x67ff}},
    {"Polaris 12", {0x6980, 0x6981, 0x6985, 0x6986, 0x6987, 0x6995, 0x6997, 0x699f}},
    {"Vega 10",
     {0x6860, 0x6861, 0x6862, 0x6863, 0x6864, 0x6867, 0x6868, 0x6869, 0x686a, 0x686b, 0x686c, 0x686d, 0x686e,
      0x686f, 0x687f}},
    {"Vega 20", {0x66a0, 0x66a1, 0x66a2, 0x66a3, 0x66a4, 0x66a7, 0x66af}},
    {"Navi 10", {0x7310, 0x7312, 0x7318, 0x7319, 0x731a, 0x731b, 0x731e, 0x731f}},
    {"Navi 12", {0x7360, 0x7362}},
    {"Navi 14", {0x7340, 0x7341, 0x7347, 0x734f}},
}};

}  // namespace

std::optional<std::string> reset_bug_family(const Host& host, const PciAddress& address) {
  const auto device = read_pci_device(host, address);
  if (!device || !device->identity.starts_with("1002:")) return std::nullopt;
  const auto id = to_number<std::uint16_t>(device->identity.substr(5), 16);
  const auto family = std::find_if(families.begin(), families.end(), [&](const Family& f) {
    return id != 0 && std::find(f.devices.begin(), f.devices.end(), id) != f.devices.end();
  });
  if (family == families.end()) return std::nullopt;
  // Since 5.15; before it, nobody can tell which reset the kernel would take, and the warning stands.
  const std::string methods = host.sysfs.read(names::attribute(address, "reset_method")).value_or("");
  if (contains(words(methods), "device_specific")) return std::nullopt;
  return family->name;
}

}  // namespace qh::host
