# shellcheck shell=bash source=../lib.sh
# libvirtd restarts while the guest runs: the guest lives, and the devices come back at its end, once. (The new daemon
# has forgotten that it was the hook who detached them, and gives managed='yes' ones back by itself.)
# modular
. ./lib.sh
before=$(host_state)
define_guest lasting managed=no "$nic" managed=yes "$edu" "${card[@]}"

start_guest lasting
pid=$(</run/libvirt/qemu/lasting.pid)
step "restart libvirtd"
restart_daemon
expect_running lasting
expect_eq "QEMU's pid" "$pid" "$(</run/libvirt/qemu/lasting.pid)"
expect_driver vfio-pci "$nic" "$edu" "${card[@]}"

destroy_guest lasting
expect_driver e1000e "$nic"
expect_same_state "$before"
