# shellcheck shell=bash source=../lib.sh
# The host's own disk: LVM on the NVMe, a file system on that, mounted; then only a raw swap; then the guest's own image on it.
. ./lib.sh
disk=/dev/$(basename "$(echo /sys/bus/pci/devices/$nvme/nvme/nvme*/nvme*n1)")
mounted=/mnt/case
put_back() {
    umount "$mounted" 2>/dev/null
    swapoff "$disk" 2>/dev/null
    vgchange -qq -an case 2>/dev/null
    wipefs -qa "$disk"
    rm -rf "$mounted" /etc/modprobe.d/case.conf
}
at_end put_back
define_guest store "$nvme"

step "LVM, mounted"
pvcreate -qq -ff -y "$disk"
vgcreate -qq case "$disk"
lvcreate -qq -y -l 100%FREE -n data case
mkfs.ext4 -q /dev/case/data
mkdir -p "$mounted"
mount /dev/case/data "$mounted"
echo precious >"$mounted/file"
expect_refusal store storage "$nvme: the host needs a disk on it: .*$mounted"
expect_eq "the file" precious "$(<"$mounted/file")"

step "the same as the disk of a guest"
define_guest store "nvme=$nvme"
expect_refusal store storage "$mounted"

step "the guest's own image on the device"
truncate -s 1M "$mounted/disk.img"
define_guest store "$nvme" "disk=$mounted/disk.img"
expect_refusal store storage "the guest's own disk $mounted/disk.img is on"

step "LVM, active, not mounted"
udevadm settle # or a late event activates the volume group anew
umount "$mounted"
define_guest store "$nvme"
expect_refusal store storage "$nvme: .*nvme0n1 is a physical volume of the volume group case"
vgchange -qq -an case
wipefs -qa "$disk"

step "swap"
mkswap -q "$disk"
swapon "$disk"
expect_refusal store storage "$nvme: .*swap"
swapoff "$disk"
wipefs -qa "$disk"

step "mounted when all checks have passed: whoever loads vfio-pci mounts it"
udevadm settle
mkfs.ext4 -q "$disk"
modprobe --remove vfio-pci
echo "install vfio-pci mount $disk $mounted; modprobe --ignore-install vfio-pci" >/etc/modprobe.d/case.conf
before=$(host_state)
expect_refused virsh start store
expect_match "what virsh says" "$disk is now in use: it is mounted" "$output"
mountpoint --quiet "$mounted" || fail "it was not even mounted"
expect_driver nvme "$nvme"
rm /etc/modprobe.d/case.conf
umount "$mounted"
wipefs -qa "$disk"
expect_same_state "$before"

step "free again: it starts"
udevadm settle
before=$(host_state)
start_guest store
expect_driver vfio-pci "$nvme"
destroy_guest store
expect_same_state "$before"
