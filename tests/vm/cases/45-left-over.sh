# shellcheck shell=bash source=../lib.sh
# A daemon is killed when it has dropped an ended guest's state and has not called the hook yet: no daemon tells of that end any more. The
# next daemon's start undoes it, nobody doing anything, and is not kept by it; a guest that runs is left alone. Without libvirt's
# `daemon` hook the devices wait for --reattach or the next start.
# limit: 900
# modular
# long
. ./lib.sh
before=$(host_state)
daemon_hook=/etc/libvirt/hooks/daemon.d/50-qemu-hook
define_guest lost managed=no "$nic" managed=yes "$edu"
define_guest other "${card[@]}"

# libvirt removes the guest's state file before it calls release; a daemon that dies between the two leaves this.
forget_guest() {
    start_guest lost
    kill_qemu_first lost
    rm /run/libvirt/qemu/lost.xml
}
expect_forgotten() { expect_eq "the guest" 'shut off' "$(virsh domstate lost | head -n 1)"; }
no_undoing_runs() { ! pgrep --full "^$daemon_hook " >/dev/null; }
# expect_undone_once: as the hook has logged since the last time.
expect_undone_once() {
    local log
    log=$(hook_news)
    printf '%s\n' "$log"
    expect_eq "how often it was undone" 1 "$(grep --count '^lost: undoing what was left over' <<<"$log")"
    expect_match "the log" '^lost: released, the host is as it was' "$log"
    expect_no_match "the log" '^other: |cannot be given back|is locked by another' "$log"
}

step "nobody does anything, and another guest runs on"
start_guest other
during=$(host_state)
hook_news >/dev/null
forget_guest
kill_daemon
expect_forgotten
expect_same_state "$during"
wait_until 20 "the end of the undoing" no_undoing_runs
expect_undone_once
expect_running other
expect_driver vfio-pci "${card[@]}"
destroy_guest other
expect_same_state "$before"

# The undoing waits for whoever works on the journal, longer than a daemon takes to start on a slow machine.
cp /etc/libvirt/qemu-hook/host.toml "$scratch/host.toml"
at_end cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml
printf '%s\n' '[deadlines]' 'lock = 300' 'whole = 600' >/etc/libvirt/qemu-hook/host.toml
lock_journal() {
    exec {lock}<"$run_folder/lost.journal"
    flock "$lock"
}
# Unlocked for all that have inherited it.
let_journal_go() {
    flock --unlock "$lock"
    exec {lock}<&-
}
undoing_waits() { ! no_undoing_runs; }

step "the daemon is not kept, and is killed again meanwhile"
hook_news >/dev/null
forget_guest
lock_journal
kill_daemon
wait_until 20 "the undoing" undoing_waits
kill_daemon
expect_forgotten
expect_driver vfio-pci "$nic" "$edu"
let_journal_go
expect_same_state "$before"
wait_until 20 "the end of the undoing" no_undoing_runs
expect_undone_once

step "the guest is started again meanwhile"
forget_guest
lock_journal
kill_daemon
wait_until 20 "the undoing" undoing_waits
virsh --quiet start lost &
start=$!
hook_waits() { pgrep --full "^$hook lost prepare" >/dev/null; }
wait_until 60 "the start's hook" hook_waits
let_journal_go
wait "$start" || fail "the start failed"
wait_until 20 "the end of the undoing" no_undoing_runs
expect_running lost
expect_driver vfio-pci "$nic" "$edu"
destroy_guest lost
expect_same_state "$before"
cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml

step "without the hook: --reattach"
put_back() { [ -L "$daemon_hook" ] || mv "$scratch/daemon-hook" "$daemon_hook"; }
at_end put_back
mv "$daemon_hook" "$scratch/daemon-hook"
forget_guest
kill_daemon
expect_forgotten
expect_driver vfio-pci "$nic" "$edu"
expect_match "--status" "$nic .* lost, left over since" "$(qemu-hook --status)"
qemu-hook --reattach lost
expect_same_state "$before"

step "without the hook: the next start"
forget_guest
kill_daemon
start_guest lost
expect_driver vfio-pci "$nic" "$edu"
destroy_guest lost
expect_same_state "$before"
