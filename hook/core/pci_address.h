// A PCI function's address on the host: domain, bus, slot, function.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace qh {

struct PciAddress {
  std::uint32_t domain = 0;
  std::uint8_t bus = 0;
  std::uint8_t slot = 0;      // 0..0x1f
  std::uint8_t function = 0;  // 0..7

  auto operator<=>(const PciAddress&) const = default;

  // As sysfs names it: "0000:02:00.0", with VMD "10000:e1:00.0".
  std::string text() const;
  // As libvirt names the node device: "pci_0000_02_00_0" (nodeDeviceGenerateName in libvirt).
  std::string node_device_name() const;
  bool same_slot(const PciAddress& other) const;
};

// Reads "0000:02:00.0", "02:00.0", "pci_0000_02_00_0" and "0000:02.00.0"; digits are hexadecimal.
// Anything else: bad_input, with the form that was probably meant as the remedy where one can be told.
Result<PciAddress> parse_pci_address(std::string_view text);

// The text() of each.
std::vector<std::string> texts(const std::vector<PciAddress>& addresses);

}  // namespace qh
