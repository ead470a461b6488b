# shellcheck shell=bash source=../lib.sh
# A guest that the daemon autostarts: the hook runs while libvirtd answers nobody, and must neither hang it nor fail.
# modular
. ./lib.sh
before=$(host_state)
define_guest early managed=no "$nic"
virsh --quiet autostart early

step "start libvirtd as after a boot"
stop_daemon
rm -f /run/libvirt/qemu/autostarted
start_daemon
wait_until 60 "the guest to run" guest_is early running
expect_driver vfio-pci "$nic"

destroy_guest early
expect_same_state "$before"
