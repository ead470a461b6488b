// Trees of whole hosts, written from a few lines of text, as sysfs, /proc, /dev and /run show them.
//
// One thing a line; "-" for nothing, "#" begins a comment:
//
// clang-format off
//   pci PATH IDS SUBSYSTEM CLASS DRIVER GROUP [ATTRIBUTE=VALUE...]
//       PATH from the host bridge on: "0000:00:01.0/0000:01:00.0"; VMD's:
//       "0000:00:0e.0/pci10000:e0/10000:e1:00.0". In a value "," stands for a blank.
//   vf PHYSICAL VIRTUAL                        the links virtfnN and physfn
//   block FUNCTION PATH NUMBER                 PATH below the function: "nvme/nvme0/nvme0n1"; a child of a block
//                                              is a partition
//   disk PATH NUMBER                           a block device below /sys/devices:
//                                              "virtual/nvme-subsystem/nvme-subsys0/nvme0n1"
//   hidden FUNCTION PATH                       a block device without a number
//   dm NAME NUMBER DM-NAME UUID on BLOCK...
//   md NAME NUMBER LEVEL on BLOCK...
//   held BLOCK by NAME                         any other holder
//   udev NUMBER KEY=VALUE...
//   mount NUMBER FOLDER POINT TYPE SOURCE
//   init-mount ...                             the same, seen by init alone
//   swap PATH partition|file
//   btrfs UUID BLOCK...
//   net FUNCTION|- NAME [up] [bridge|bond|team]
//   master INTERFACE MASTER [port]             also the link upper_MASTER; port: it is a bridge's port
//   upper INTERFACE UPPER                      a VLAN and the like
//   route INTERFACE, route6 INTERFACE
//   char FUNCTION PATH NUMBER SUBSYSTEM
//   virtual-char CLASS NAME NUMBER
//   input PARENT NAME-WITH-UNDERSCORES KIND...
//       PARENT is a function and a path below it, "platform/..." or "virtual/..."; KIND keyboard, mouse,
//       touchpad, buttons
//   process PID NAME [open=PATH...] [map=PATH...]
//   file PATH TEXT
// clang-format on
#pragma once

#include <string>

#include "fakes/kernel.h"

namespace qh::fakes {

void write_host(const TemporaryRoot& root, const std::string& description);

// A desktop: one NVIDIA card with its four functions, which carries everything; the system on NVMe, LUKS and
// LVM; the guest's own NVMe disk beside it; keyboard and mouse on the chipset's USB controller.
extern const char desktop[];
// A laptop with an AMD APU: one GPU of amdgpu, WLAN with the default route, a keyboard on the platform, mouse
// on USB.
extern const char apu_laptop[];
// A workstation with a Radeon for the host and another NVIDIA card for guests; disks on SATA in RAID 1, a
// btrfs of two disks, a ZFS pool; two USB controllers.
extern const char workstation[];
// A server: a two-port card with virtual functions, ports bonded, the bond in a bridge that has the default
// route; NVMe with native multipath.
extern const char server[];
// A board with Intel VMD: its NVMe disk is in PCI domain 10000.
extern const char vmd_board[];

}  // namespace qh::fakes
