// The character devices that belong to a PCI function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/sysfs.h"

namespace qh::host {

enum class NodeKind {
  own,       // of the function itself: its driver waits for whoever has it open, or breaks under him
  shared,    // of the driver as a whole: only its module has to stay while the node is open
  hot_plug,  // of a USB device behind the function: made to be pulled out while open
};

struct DeviceNode {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::string path;       // "/dev/dri/card1", as udev names it
  std::string subsystem;  // "drm", "sound", "i2c-dev", "nvidia"
  NodeKind kind = NodeKind::own;
  PciAddress function;
};

// The nodes of the function's DRM cards, sound cards, i2c buses and so on, of NVIDIA's driver, and of
// amdgpu's compute interface. The shared nodes of a driver are named only if no other card uses it.
std::vector<DeviceNode> device_nodes(const std::string& root, const Sysfs& sysfs, const PciAddress& function);

}  // namespace qh::host
