# shellcheck shell=bash source=../lib.sh
# QEMU dies: nobody asked for the end, the devices come back all the same.
# modular
. ./lib.sh
before=$(host_state)
define_guest victim managed=no "$nic" managed=yes "$edu"

start_guest victim
expect_driver vfio-pci "$nic" "$edu"
step "kill QEMU"
kill -KILL "$(</run/libvirt/qemu/victim.pid)"
wait_until 60 "the guest's end" guest_is victim 'shut off'
expect_same_state "$before"
