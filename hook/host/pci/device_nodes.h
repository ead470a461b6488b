// The nodes in /dev that belong to a PCI function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

enum class NodeKind {
  own,       // of the function itself: its driver waits for whoever has it open, or breaks under him
  shared,    // of the driver as a whole: only its module has to stay while the node is open
  vfio,      // opened by whoever uses the function, or another one of its IOMMU group, through VFIO
  hot_plug,  // of a USB device behind the function: made to be pulled out while open
};

struct DeviceNode {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::string path;       // "/dev/dri/card1", as udev names it
  std::string subsystem;  // "drm", "sound", "i2c-dev", "nvidia"
  NodeKind kind = NodeKind::own;
  PciAddress function;
  bool is_block = false;  // else a character device: each kind has numbers of its own
};

// The nodes of the functions' DRM cards, sound cards, i2c buses, disks and partitions and so on, of NVIDIA's
// driver, and of amdgpu's compute interface; of a function on a VFIO driver those by which it is opened. The
// shared nodes of a driver are named only if no other card uses it.
std::vector<DeviceNode> device_nodes(const Host& host, const std::vector<PciAddress>& functions);

// Where udev and devtmpfs put a node (the `devnode` callbacks of the classes, for instance drm_devnode in
// drivers/gpu/drm/drm_sysfs.c), by the kernel's names. The attribute `uevent` has it as DEVNAME, but takes
// the device's lock.
std::string node_path(const std::string& subsystem, const std::string& kernel_name);

}  // namespace qh::host
