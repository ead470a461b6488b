// What is below a PCI function: its disks, interfaces, device nodes.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

struct Beneath {
  std::string name;  // of the link: "nvme0n1p2" in class/block, "226:1" in dev/char
  std::string path;  // from the function on: "nvme/nvme0/nvme0n1/nvme0n1p2"
  PciAddress function;
};

// The links in a folder of /sys ("class/block", "class/net", "dev/char") that lead to a device below one of
// the functions, in the order of their names. Also what is behind another host bridge that the function makes
// (Intel's VMD has its disks in a PCI domain of its own), since all of it goes with the function.
std::vector<Beneath> links_beneath(const Host& host, const std::string& folder,
                                   const std::vector<PciAddress>& functions);

}  // namespace qh::host
