// What the host uses its disks for, according to sysfs, the mounts and swap.
#pragma once

#include <string>
#include <vector>

#include "host/host.h"
#include "host/storage/block_layer.h"
#include "host/storage/mounts.h"

namespace qh::host {

// One look at mounts and swap, then questions about each disk.
class DiskReasons {
 public:
  explicit DiskReasons(const Host& host);

  const BlockLayer& blocks() const { return blocks_; }
  // Why the disk is in use, as the rest of a sentence that begins with its name: "is mounted on /home", "is
  // encrypted and open as luks, which is a physical volume of the volume group vg0 (mounted on /)". Empty: no
  // reason known.
  std::string reason(const Disk& disk) const;
  // The disk is known to the kernel to be in use, without a reason that is written anywhere.
  std::string reason_when_busy(const std::string& name) const;
  // The block devices that the file or the file system with this path is on.
  std::vector<std::string> devices_of(const std::string& path) const;

 private:
  using Names = std::vector<std::string>;
  std::string zfs_pool(const std::string& name) const;
  Names mount_points(const std::string& name) const;
  std::string own_reason(const std::string& name) const;
  std::string holder_reason(const Names& holders, const std::string& group, int depth) const;
  std::string reached(const Names& names) const;

  const Host& host_;
  BlockLayer blocks_;
  std::vector<Mount> mounts_;
  Names swaps_;
};

}  // namespace qh::host
