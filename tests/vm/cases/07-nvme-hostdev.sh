# shellcheck shell=bash source=../lib.sh
# The NVMe controller as a <hostdev>.
. ./lib.sh
before=$(host_state)
define_guest store managed=no "$nvme"

start_guest store
expect_running store
expect_driver vfio-pci "$nvme"
destroy_guest store
expect_driver nvme "$nvme"
expect_same_state "$before"

step "without a driver, brought back by hand and mounted: --reattach takes it from nobody"
disk=/dev/$(basename "$(echo /sys/bus/pci/devices/$nvme/nvme/nvme*/nvme*n1)")
put_back() {
    umount /mnt/case 2>/dev/null
    rm -rf /mnt/case
    [ "$(driver_of "$nvme")" != none ] || echo "$nvme" >/sys/bus/pci/drivers/nvme/bind
    wait_until 10 "the disk" test -b "$disk"
    wipefs -qa "$disk"
}
at_end put_back
echo "$nvme" >/sys/bus/pci/drivers/nvme/unbind
bare=$(host_state)
qemu-hook --detach store
expect_driver vfio-pci "$nvme"
virsh --quiet nodedev-reattach "pci_${nvme//[:.]/_}"
expect_driver nvme "$nvme"
wait_until 10 "the disk" test -b "$disk"
mkfs.ext4 -q "$disk"
mkdir -p /mnt/case
mount "$disk" /mnt/case
echo precious >/mnt/case/file
expect_refused qemu-hook --reattach store
expect_match "the message" "$nvme: it had no driver before, and nvme has taken it: $disk is now in use" "$output"
expect_match "the hint" 'stop using it first; .qemu-hook --reattach. then takes it from nvme' "$output"
sync /mnt/case/file
expect_driver nvme "$nvme"
umount /mnt/case
qemu-hook --reattach store
expect_driver none "$nvme"
expect_same_state "$bare"
