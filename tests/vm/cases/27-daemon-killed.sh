# shellcheck shell=bash source=../lib.sh
# libvirtd is killed (-9): while a guest runs, and while its hook works. The guest lives on, and is ended by the next daemon;
# long
# a start that was cut off is undone. 45 has the guest that no daemon knows of any more.
# limit: 600
# modular
. ./lib.sh
before=$(host_state)
define_guest lasting managed=no "$nic" managed=yes "$edu"

step "while the guest runs"
start_guest lasting
pid=$(</run/libvirt/qemu/lasting.pid)
kill_daemon
expect_running lasting
expect_eq "QEMU's pid" "$pid" "$(</run/libvirt/qemu/lasting.pid)"
expect_driver vfio-pci "$nic" "$edu"
destroy_guest lasting
expect_same_state "$before"

step "daemon and QEMU together"
start_guest lasting
kill_qemu_first lasting
kill_daemon
wait_until 60 "the guest's end" guest_is lasting 'shut off'
expect_same_state "$before"

step "while the hook works"
daemon=$(daemon_pid)
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
