// What is mounted, and what is used as swap.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/host.h"

namespace qh::host {

struct Mount {
  std::string device;  // "259:2"; with major 0 for what spans several devices (btrfs, zfs) or none
  std::string root;    // which folder of the file system; "/" but for bind mounts and btrfs subvolumes
  std::string point;
  std::string type;
  std::string source;  // "/dev/nvme0n1p2", "tank/home"

  bool operator==(const Mount&) const = default;
};

// The mounts that this process sees and those that init sees: libvirt's daemon may run in a namespace of its
// own.
std::vector<Mount> read_mounts(const Host& host);

// The mount that the path is on, by name alone: nothing is looked up in the file system. nullptr: none.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path);

// What swaps/ names: "/dev/nvme0n1p2", "/dev/dm-1". Swap files are left out, they are on something mounted.
std::vector<std::string> read_swap_devices(const Host& host);

// mountinfo and swaps write a blank as "\040", and so on (mangle() in fs/seq_file.c).
std::string unescaped(std::string_view text);

}  // namespace qh::host
