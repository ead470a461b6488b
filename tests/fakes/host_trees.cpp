#include "fakes/hosts.h"

namespace qh::fakes {

const char desktop[] = R"(
pci 0000:00:01.0 8086:460d 1462:7d25 060400 pcieport 1
pci 0000:00:01.0/0000:01:00.0 10de:2484 1462:3909 030000 nvidia 15 boot_vga=1 reset_method=bus
pci 0000:00:01.0/0000:01:00.1 10de:228b 1462:3909 040300 snd_hda_intel 15
pci 0000:00:01.0/0000:01:00.2 10de:228c 1462:3909 0c0330 xhci_hcd 15
pci 0000:00:01.0/0000:01:00.3 10de:228d 1462:3909 0c8000 nvidia-gpu 15
pci 0000:00:06.0 8086:464d 1462:7d25 060400 pcieport 2
pci 0000:00:06.0/0000:02:00.0 144d:a80a 144d:a801 010802 nvme 16
pci 0000:00:14.0 8086:7ae0 1462:7d25 0c0330 xhci_hcd 5
pci 0000:00:17.0 8086:7ae2 1462:7d25 010601 ahci 6
pci 0000:00:1c.0 8086:7ab8 1462:7d25 060400 pcieport 8
pci 0000:00:1c.0/0000:03:00.0 8086:15f3 1462:7d25 020000 igc 17
pci 0000:00:1c.0/0000:04:00.0 15b7:5011 15b7:5011 010802 nvme 18

# the system: EFI partition, /boot, LUKS with LVM in it
block 0000:02:00.0 nvme/nvme0/nvme0n1 259:0
block 0000:02:00.0 nvme/nvme0/nvme0n1/nvme0n1p1 259:1
block 0000:02:00.0 nvme/nvme0/nvme0n1/nvme0n1p2 259:2
block 0000:02:00.0 nvme/nvme0/nvme0n1/nvme0n1p3 259:3
dm dm-0 254:0 luks-root CRYPT-LUKS2-9f0c-luks-root on nvme0n1p3
dm dm-1 254:1 vg0-root LVM-qL3x on dm-0
dm dm-2 254:2 vg0-home LVM-qL3y on dm-0
dm dm-3 254:3 vg0-swap LVM-qL3z on dm-0
mount 254:1 / / ext4 /dev/mapper/vg0-root
mount 254:2 / /home ext4 /dev/mapper/vg0-home
mount 259:2 / /boot ext4 /dev/nvme0n1p2
mount 259:1 / /boot/efi vfat /dev/nvme0n1p1
mount 254:1 /var/lib/lxd /var/snap/lxd ext4 /dev/mapper/vg0-root
swap /dev/dm-3 partition
# the guest's disk: nothing of the host's on it; a stick in the card's own USB socket is mounted
block 0000:04:00.0 nvme/nvme1/nvme1n1 259:4
block 0000:04:00.0 nvme/nvme1/nvme1n1/nvme1n1p1 259:5
block 0000:01:00.2 usb3/3-1/3-1:1.0/host7/target7:0:0/7:0:0:0/block/sdz 65:144
block 0000:01:00.2 usb3/3-1/3-1:1.0/host7/target7:0:0/7:0:0:0/block/sdz/sdz1 65:145
mount 65:145 / /media/ann/MY\040STICK vfat /dev/sdz1
# SATA: a drive without a medium, a disk that nobody uses
block 0000:00:17.0 ata1/host0/target0:0:0/0:0:0:0/block/sda 8:0
block 0000:00:17.0 ata2/host1/target1:0:0/1:0:0:0/block/sr0 11:0

net 0000:03:00.0 enp3s0 up
route enp3s0

char 0000:01:00.0 drm/card1 226:1 drm
char 0000:01:00.0 drm/renderD128 226:128 drm
char 0000:01:00.0 i2c-3/i2c-dev/i2c-3 89:3 i2c-dev
char 0000:01:00.0 graphics/fb0 29:0 graphics
char 0000:01:00.1 sound/card1/controlC1 116:9 sound
char 0000:01:00.1 sound/card1/pcmC1D3p 116:10 sound
char 0000:01:00.2 usb3/3-1 189:258 usb
char 0000:00:14.0 usb1/1-3/1-3:1.0/0003:046D:C52B.0001/hidraw/hidraw0 241:0 hidraw
file /proc/driver/nvidia/gpus/0000:01:00.0/information Device Minor: 	 0

input 0000:00:14.0/usb1/1-3/1-3:1.0/0003:046D:C52B.0001 Ann's_Keyboard keyboard
input 0000:00:14.0/usb1/1-4/1-4:1.0/0003:046D:C077.0002 USB_Optical_Mouse mouse
input platform/PNP0C0C:00 Power_Button buttons
input virtual keyd_virtual_keyboard keyboard

process 612 nvidia-persistenced open=/dev/nvidiactl open=/dev/nvidia0
process 1201 Xorg open=/dev/dri/card1 open=/dev/nvidia0 open=/dev/null map=/dev/nvidia0
process 1444 wireplumber open=/dev/snd/controlC1
process 1500 telegram map=/dev/dri/renderD128
process 1600 bash open=/dev/pts/0
)";

const char apu_laptop[] = R"(
pci 0000:00:02.2 1022:1634 17aa:5095 060400 pcieport 3
pci 0000:00:02.2/0000:01:00.0 10ec:c82f 17aa:c02f 028000 rtw_8822ce 8
pci 0000:00:02.4 1022:1634 17aa:5095 060400 pcieport 4
pci 0000:00:02.4/0000:02:00.0 1c5c:1339 1c5c:1339 010802 nvme 9
pci 0000:00:08.1 1022:1635 17aa:5095 060400 pcieport 5
pci 0000:00:08.1/0000:05:00.0 1002:1636 17aa:5095 030000 amdgpu 5 boot_vga=1
pci 0000:00:08.1/0000:05:00.1 1002:1637 17aa:5095 040300 snd_hda_intel 5
pci 0000:00:08.1/0000:05:00.3 1022:1639 17aa:5095 0c0330 xhci_hcd 5
pci 0000:00:08.1/0000:05:00.4 1022:1639 17aa:5095 0c0330 xhci_hcd 5

# Fedora's: btrfs with subvolumes on LUKS, swap in memory
block 0000:02:00.0 nvme/nvme0/nvme0n1 259:0
block 0000:02:00.0 nvme/nvme0/nvme0n1/nvme0n1p1 259:1
block 0000:02:00.0 nvme/nvme0/nvme0n1/nvme0n1p2 259:2
block 0000:02:00.0 nvme/nvme0/nvme0n1/nvme0n1p3 259:3
dm dm-0 253:0 luks-77 CRYPT-LUKS2-77-luks-77 on nvme0n1p3
btrfs 1c1e dm-0
mount 0:36 /root / btrfs /dev/mapper/luks-77
mount 0:36 /home /home btrfs /dev/mapper/luks-77
mount 259:2 / /boot ext4 /dev/nvme0n1p2
mount 259:1 / /boot/efi vfat /dev/nvme0n1p1
disk virtual/block/zram0 252:0
swap /dev/zram0 partition

net 0000:01:00.0 wlp1s0 up
route wlp1s0
route6 wlp1s0

char 0000:05:00.0 drm/card0 226:0 drm
char 0000:05:00.0 drm/renderD128 226:128 drm
char 0000:05:00.0 drm/card0/card0-eDP-1/drm_dp_aux0 240:0 drm_dp_aux_dev
char 0000:05:00.1 sound/card0/hwC0D0 116:5 sound
virtual-char kfd kfd 235:0

input platform/i8042/serio0 AT_Translated_Set_2_keyboard keyboard
input platform/AMDI0010:03/i2c-0/i2c-ELAN0676:00/0018:04F3:3195.0001 ELAN0676_Touchpad touchpad
input 0000:05:00.3/usb1/1-1/1-1:1.0/0003:046D:C077.0002 USB_Optical_Mouse mouse

process 900 gnome-shell open=/dev/dri/card0 open=/dev/dri/renderD128
process 950 python3 open=/dev/kfd open=/dev/dri/renderD128
)";

const char workstation[] = R"(
pci 0000:00:01.1 1022:1483 1043:87c0 060400 pcieport 1
pci 0000:00:01.1/0000:01:00.0 1002:731f 1da2:e411 030000 amdgpu 20 boot_vga=1 reset_method=bus
pci 0000:00:01.1/0000:01:00.1 1002:ab38 1002:ab38 040300 snd_hda_intel 21
pci 0000:00:03.1 1022:1483 1043:87c0 060400 pcieport 2
pci 0000:00:03.1/0000:02:00.0 10de:1e84 10de:12a0 030000 nvidia 22 boot_vga=0 reset_method=bus
pci 0000:00:03.1/0000:02:00.1 10de:10f8 10de:12a0 040300 snd_hda_intel 22
pci 0000:00:03.2 1022:1483 1043:87c0 060400 pcieport 3
pci 0000:00:03.2/0000:03:00.0 10de:1c82 1458:3764 030000 nvidia 23 boot_vga=0
pci 0000:00:07.1 1022:1484 1043:87c0 060400 pcieport 4
pci 0000:00:07.1/0000:0b:00.3 1022:149c 1043:87c0 0c0330 xhci_hcd 24
pci 0000:00:08.1 1022:1484 1043:87c0 060400 pcieport 5
pci 0000:00:08.1/0000:0c:00.0 1022:7901 1043:87c0 010601 ahci 25
pci 0000:00:08.1/0000:0d:00.0 1b21:0612 1043:87c0 010601 ahci 26
pci 0000:00:08.1/0000:0e:00.3 1022:43ee 1b21:1142 0c0330 xhci_hcd 27

# two disks in RAID 1, LVM on it; one with ZFS
block 0000:0c:00.0 ata1/host0/target0:0:0/0:0:0:0/block/sda 8:0
block 0000:0c:00.0 ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1 8:1
block 0000:0c:00.0 ata2/host1/target1:0:0/1:0:0:0/block/sdb 8:16
block 0000:0c:00.0 ata2/host1/target1:0:0/1:0:0:0/block/sdb/sdb1 8:17
block 0000:0c:00.0 ata3/host2/target2:0:0/2:0:0:0/block/sdc 8:32
block 0000:0c:00.0 ata3/host2/target2:0:0/2:0:0:0/block/sdc/sdc1 8:33
md md0 9:0 raid1 on sda1 sdb1
dm dm-0 254:0 my--vg-root LVM-r0 on md0
dm dm-1 254:1 my--vg-pool_tdata LVM-r1 on md0
dm dm-2 254:2 my--vg-pool-tpool LVM-r2 on dm-1
dm dm-3 254:3 my--vg-vms LVM-r3 on dm-2
mount 254:0 / / xfs /dev/mapper/my--vg-root
mount 254:3 / /var/lib/libvirt/images xfs /dev/mapper/my--vg-vms
udev 8:33 ID_FS_TYPE=zfs_member ID_FS_LABEL=tank
mount 0:51 / /tank zfs tank
mount 0:52 / /tank/media zfs tank/media
file /proc/spl/kstat/zfs/tank/state ONLINE
# a btrfs of two disks, an old bcache, and an LV that is a guest's raw disk
block 0000:0d:00.0 ata7/host6/target6:0:0/6:0:0:0/block/sdd 8:48
block 0000:0d:00.0 ata8/host7/target7:0:0/7:0:0:0/block/sde 8:64
block 0000:0d:00.0 ata9/host8/target8:0:0/8:0:0:0/block/sdf 8:80
block 0000:0d:00.0 ata9/host8/target8:0:0/8:0:0:0/block/sdf/sdf1 8:81
block 0000:0d:00.0 ata9/host8/target8:0:0/8:0:0:0/block/sdf/sdf2 8:82
block 0000:0d:00.0 ata10/host9/target9:0:0/9:0:0:0/block/sdg 8:96
btrfs aa01 sdd sde
mount 0:44 /@data /data btrfs /dev/sdd
disk virtual/block/bcache0 253:0
held sdf1 by bcache0
mount 253:0 / /srv ext4 /dev/bcache0
swap /dev/sdf2 partition
dm dm-4 254:4 vg1-win10 LVM-s0 on sdg

char 0000:01:00.0 drm/card0 226:0 drm
char 0000:01:00.0 drm/renderD128 226:128 drm
char 0000:02:00.0 drm/card1 226:1 drm
file /proc/driver/nvidia/gpus/0000:02:00.0/information Device Minor: 	 1
file /proc/driver/nvidia/gpus/0000:03:00.0/information Device Minor: 	 0
virtual-char kfd kfd 235:0

input 0000:0b:00.3/usb1/1-2/1-2:1.0/0003:04D9:0169.0001 Das_Keyboard keyboard
input 0000:0e:00.3/usb3/3-2/3-2:1.0/0003:046D:C52B.0002 Logitech_Receiver_Keyboard keyboard
input 0000:0e:00.3/usb3/3-2/3-2:1.1/0003:046D:C52B.0003 Logitech_Receiver_Mouse mouse

process 700 Xorg open=/dev/dri/card0
process 800 python3 open=/dev/nvidiactl open=/dev/nvidia0
)";

const char server[] = R"(
pci 0000:00:02.0 8086:2f04 1028:0600 060400 pcieport 10
pci 0000:00:02.0/0000:03:00.0 8086:1572 8086:0008 020000 i40e 30 sriov_numvfs=2 sriov_totalvfs=64
pci 0000:00:02.0/0000:03:00.1 8086:1572 8086:0000 020000 i40e 31 sriov_numvfs=0 sriov_totalvfs=64
pci 0000:00:02.0/0000:03:02.0 8086:154c 8086:0000 020000 iavf 32
pci 0000:00:02.0/0000:03:02.1 8086:154c 8086:0000 020000 - 33
pci 0000:00:03.0 8086:2f08 1028:0600 060400 pcieport 11
pci 0000:00:03.0/0000:04:00.0 14e4:165f 1028:1f5b 020000 tg3 34
pci 0000:00:03.0/0000:04:00.1 14e4:165f 1028:1f5b 020000 tg3 35
pci 0000:00:04.0 8086:2f0a 1028:0600 060400 pcieport 12
pci 0000:00:04.0/0000:05:00.0 1344:51a2 1344:5000 010802 nvme 36
pci 0000:00:04.0/0000:06:00.0 8086:1533 8086:0003 020000 igb 37
pci 0000:00:04.0/0000:07:00.0 8086:1533 8086:0003 020000 igb 38
vf 0000:03:00.0 0000:03:02.0
vf 0000:03:00.0 0000:03:02.1

# both ports in a bond, the bond's VLAN in the bridge that has the address
net 0000:03:00.0 ens3f0 up
net 0000:03:00.1 ens3f1 up
net 0000:03:02.0 ens3f0v0
net - bond0 up bond
net - bond0.100 up
net - br0 up bridge
master ens3f0 bond0
master ens3f1 bond0
upper bond0 bond0.100
master bond0.100 br0 port
route br0
# an inner network: a bridge that is up; a spare bridge that is down; a team; Open vSwitch; IPv6 alone; free
net 0000:04:00.0 eno1 up
net - br1 up bridge
master eno1 br1 port
net 0000:04:00.1 eno2 up
net - br2 bridge
master eno2 br2 port
net 0000:06:00.0 ens6 up
net - ovs-system
master ens6 ovs-system
net 0000:07:00.0 ens7 up
net - ens7.6 up
upper ens7 ens7.6
route6 ens7.6

# native multipath: the visible disk is below none of its controllers
hidden 0000:05:00.0 nvme/nvme0/nvme0c0n1
disk virtual/nvme-subsystem/nvme-subsys0/nvme0n1 259:0
disk virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1 259:1
mount 259:1 / / ext4 /dev/nvme0n1p1
)";

const char vmd_board[] = R"(
pci 0000:00:0e.0 8086:467f 1028:0b10 010400 vmd 4
pci 0000:00:0e.0/pci10000:e0/10000:e0:06.0 8086:464d 1028:0b10 060400 pcieport 4
pci 0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0 144d:a80a 144d:a801 010802 nvme 4
pci 0000:00:14.3 8086:51f0 8086:0090 028000 iwlwifi 8
block 10000:e1:00.0 nvme/nvme0/nvme0n1 259:0
block 10000:e1:00.0 nvme/nvme0/nvme0n1/nvme0n1p1 259:1
block 10000:e1:00.0 nvme/nvme0/nvme0n1/nvme0n1p2 259:2
mount 259:1 / /boot/efi vfat /dev/nvme0n1p1
init-mount 259:2 / / ext4 /dev/root
net 0000:00:14.3 wlp0s20f3 up
route wlp0s20f3
)";

}  // namespace qh::fakes
