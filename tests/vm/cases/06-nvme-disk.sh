# shellcheck shell=bash source=../lib.sh
# <disk type='nvme' managed='no'>. Not confined: the AppArmor profile that libvirt makes for QEMU forgets the VFIO group
# of such a disk, with or without a hook.
. ./lib.sh
before=$(host_state)
define_guest store managed=no "nvme=$nvme"

start_guest store
expect_running store
expect_driver vfio-pci "$nvme"
destroy_guest store
expect_driver nvme "$nvme"
expect_same_state "$before"
