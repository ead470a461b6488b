// Whether the host, or the guest itself, needs a disk below a PCI function.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/pci_address.h"
#include "host/host.h"
#include "host/storage/block_device.h"

namespace qh::host {

struct DiskUse {
  std::string disk;      // "nvme0n1p2"
  std::string sentence;  // "nvme0n1p2 is mounted on /"
};

struct StorageUse {
  std::vector<DiskUse> uses;
  // Disks of which it could not be told whether they are in use, each with the reason. Not free: unknown.
  std::vector<DiskUse> unknown;
};

using TryExclusive = std::function<Exclusive(const std::string& node)>;

// `images` are the files and block devices behind the guest's own disks; looking for those that do not answer
// takes no longer than `patience`, one for all devices of a guest. Looks at the stack from each disk up to
// what is mounted, and where that says nothing, asks the kernel. Whatever could block runs in a child.
inline constexpr Milliseconds image_patience{2500};
StorageUse storage_use(const Host& host, const PciAddress& address, const std::vector<std::string>& images,
                       const Deadline& patience = Deadline(image_patience),
                       const TryExclusive& try_exclusive = open_exclusively);

}  // namespace qh::host
