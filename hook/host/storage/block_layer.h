// Block devices and how they are stacked: partitions, device mapper (LVM, LUKS, multipath), md, bcache,
// btrfs.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

// A block device below a PCI function.
struct Disk {
  std::string name;   // "nvme0n1p2"
  std::string whole;  // "nvme0n1"; the same for the disk itself
  bool is_whole() const { return name == whole; }
};

class BlockLayer {
 public:
  explicit BlockLayer(const Host& host) : host_(host) {}

  // Disks and partitions below the function, whole disks before their partitions.
  std::vector<Disk> beneath(const PciAddress& address) const;

  // "259:2", empty if there is no such device.
  std::string number(const std::string& name) const;
  // The kernel's name of what a path in /dev or a "source" of mountinfo means: "dm-1" for
  // "/dev/mapper/vg0-root". Empty if it is no block device of this host.
  std::string name_of(const std::string& path) const;

  // What is made of this device: its holders and partitions.
  std::vector<std::string> above(const std::string& name) const;
  // The device itself and all that is made of it.
  std::vector<std::string> stack_above(const std::string& name) const;
  bool is_partition(const std::string& name) const;

  // What the kernel says of it, else empty: "dm/name" of a device mapper device, "dm/uuid" that tells who
  // made that ("LVM-…", "CRYPT-…"), "md/level" of an md array ("raid1").
  std::string attribute(const std::string& name, const std::string& file) const;

  // All members of the mounted btrfs that the device belongs to; empty if it belongs to none.
  std::vector<std::string> btrfs_members(const std::string& name) const;

  // What udev found in the device (ID_FS_TYPE, ID_FS_LABEL …); empty without udev.
  std::string udev_property(const std::string& name, const std::string& key) const;

 private:
  std::vector<std::string> partitions(const std::string& name) const;

  const Host& host_;
};

// "vg0" of the device mapper name "vg0-root": LVM joins the two with a hyphen and doubles those within.
std::string lvm_volume_group(const std::string& dm_name);

}  // namespace qh::host
