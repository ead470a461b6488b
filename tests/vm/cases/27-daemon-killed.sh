# shellcheck shell=bash source=../lib.sh
# libvirtd is killed (-9): while a guest runs, and while its hook works. The guest lives on, and is ended by the next daemon;
# long
# a start that was cut off is undone by the next. A guest that no daemon knows of any more leaves its devices to the hook's journal.
# limit: 600
. ./lib.sh
before=$(host_state)
define_guest lasting managed=no "$nic" managed=yes "$edu"

signal_daemon() { kill "-$1" "$(systemctl show --value --property=MainPID libvirtd.service)"; }
kill_daemon() {
    signal_daemon KILL
    await_new_daemon
}
await_new_daemon() {
    wait_until 30 "the daemon's end" eval '! systemctl is-active --quiet libvirtd.service'
    start_daemon
}

step "while the guest runs"
start_guest lasting
pid=$(</run/libvirt/qemu/lasting.pid)
kill_daemon
expect_running lasting
expect_eq "QEMU's pid" "$pid" "$(</run/libvirt/qemu/lasting.pid)"
expect_driver vfio-pci "$nic" "$edu"
destroy_guest lasting
expect_same_state "$before"

# kill_qemu_too: the daemon is stopped first, or it would be in the middle of the guest's end already.
kill_qemu_too() {
    signal_daemon STOP
    kill -KILL "$(</run/libvirt/qemu/lasting.pid)"
}
step "daemon and QEMU together"
start_guest lasting
kill_qemu_too
kill_daemon
wait_until 60 "the guest's end" guest_is lasting 'shut off'
expect_same_state "$before"

# libvirt removes the guest's state file before it calls release; a daemon that dies between the two leaves this.
forget_guest() {
    start_guest lasting
    kill_qemu_too
    rm /run/libvirt/qemu/lasting.xml
    kill_daemon
    expect_eq "the guest" 'shut off' "$(virsh domstate lasting | head -n 1)"
    expect_driver vfio-pci "$nic" "$edu"
}
step "in the middle of the guest's end, and --reattach"
forget_guest
expect_match "--status" "$nic .* lasting, left over since" "$(qemu-hook --status)"
qemu-hook --reattach lasting
expect_same_state "$before"
step "in the middle of the guest's end, and the next start"
forget_guest
start_guest lasting
expect_driver vfio-pci "$nic" "$edu"
destroy_guest lasting
expect_same_state "$before"

step "while the hook works"
daemon=$(systemctl show --value --property=MainPID libvirtd.service)
deadline=$((SECONDS + 60))
virsh --quiet start lasting 2>err &
client=$!
until [ -e "$run_folder/lasting.journal" ]; do # at once: the hook takes no second
    [ "$SECONDS" -lt "$deadline" ] || fail "waited in vain for the hook"
done
kill -KILL "$daemon"
await_new_daemon
! wait "$client" || fail "virsh noticed nothing"
guest_is lasting running && fail "the guest runs"
step "the next start"
start_guest lasting
expect_driver vfio-pci "$nic" "$edu"
destroy_guest lasting
expect_same_state "$before"
