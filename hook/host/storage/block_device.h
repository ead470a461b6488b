// Block devices and how they are stacked: partitions, device mapper (LVM, LUKS, multipath), md, bcache,
// btrfs. Opens them exclusively: to ask the kernel whether one is in use, and to keep it free.
#pragma once

#include <string>
#include <vector>

#include "core/file.h"
#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

// A block device below a PCI function.
struct Disk {
  std::string name;   // "nvme0n1p2"
  std::string whole;  // "nvme0n1"; the same for the disk itself
  bool is_whole() const { return name == whole; }
};

// Disks and partitions below the function, whole disks before their partitions.
std::vector<Disk> disks_beneath(const Host& host, const PciAddress& address);

// A block device's number, "259:2"; empty if there is no such device.
std::string block_number(const Host& host, const std::string& name);
// The kernel's name of what a path in /dev or a "source" of mountinfo means: "dm-1" for
// "/dev/mapper/vg0-root". Empty if it is no block device of this host.
std::string block_name(const Host& host, const std::string& path);

// What is made of this device: its holders and partitions.
std::vector<std::string> blocks_above(const Host& host, const std::string& name);
// The device itself and all that is made of it.
std::vector<std::string> block_stack(const Host& host, const std::string& name);
bool is_partition(const Host& host, const std::string& name);

// What the kernel says of it, else empty: "dm/name" of a device mapper device, "dm/uuid" that tells who made
// that ("LVM-…", "CRYPT-…"), "md/level" of an md array ("raid1").
std::string block_attribute(const Host& host, const std::string& name, const std::string& file);

// All members of the mounted btrfs that the device belongs to; empty if it belongs to none.
std::vector<std::string> btrfs_members(const Host& host, const std::string& name);

// What the kernel answers to an exclusive open of a block device's node.
enum class Exclusive { free, busy, absent, unknown };

// Can wait for the disk's driver: only for a child.
Exclusive open_exclusively(const std::string& node);

// Opens the nodes ("/dev/nvme0n1", below `root`) exclusively and keeps them open; one that is not there is
// left out. A program that merely looks at one is waited for a moment. refused: one is in use. Only for a
// child.
Result<std::vector<Fd>> hold_exclusively(const std::string& root, const std::vector<std::string>& nodes);

}  // namespace qh::host
