# shellcheck shell=bash source=../lib.sh
# QEMU dies while libvirtd is down: the daemon calls the hook while it starts up, when it cannot answer any client yet.
# modular
. ./lib.sh
before=$(host_state)
define_guest orphan managed=no "$nic"

start_guest orphan
pid=$(</run/libvirt/qemu/orphan.pid)
step "stop libvirtd, kill QEMU, start libvirtd"
stop_daemon
kill -KILL "$pid"
start_daemon
wait_until 60 "the guest's end" guest_is orphan 'shut off'
expect_same_state "$before"
