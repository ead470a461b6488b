# shellcheck shell=bash
# Locks of the kernel that somebody keeps (image/qh_stuck.c says which), and that all else goes on meanwhile.

stuck=/sys/module/qh_stuck/parameters

# keep_lock WHAT [ADDRESS]: "console", or "config", "device", "reset" or "power" of a function, until let_go_of_lock.
keep_lock() {
    step "kept from now on: $*"
    [ -e "$stuck" ] || modprobe qh_stuck
    echo "$*" >"$stuck/hold"
    wait_until 20 "the lock" lock_is_kept "$1"
}
lock_is_kept() { grep --quiet "^$1 " "$stuck/hold"; }

let_go_of_lock() {
    [ -e "$stuck" ] || return 0
    step "let go: $(<"$stuck/hold")"
    echo nothing >"$stuck/hold"
}

# short_deadlines [LINE...]: in host.toml, with LINE of its [deadlines]; as it was when the case ends.
short_deadlines() {
    cp /etc/libvirt/qemu-hook/host.toml "$scratch/host.toml"
    at_end cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml
    printf '%s\n' '[deadlines]' 'detach = 4' 'reattach = 4' "$@" >/etc/libvirt/qemu-hook/host.toml
    ! grep --quiet whole "$scratch/host.toml" || echo 'whole = 40' >>/etc/libvirt/qemu-hook/host.toml
}

# in_time SECONDS COMMAND...: it ends within a time that is generous for a slow machine.
in_time() {
    local limit=$1 status=0
    shift
    timeout "$limit" "$@" || status=$?
    [ "$status" -ne 124 ] || fail "$*: no end within $limit s"
    return "$status"
}

# fail_late GUEST COMMAND...: a start of GUEST, which has $edu among its devices, fails since qh_stuck (loaded with edu=1) does not
# let go of that; COMMAND is run while the hook waits for it. Sets $output to what virsh said. The driver then lets go.
fail_late() {
    local guest=$1 start status=0
    shift
    echo 0 >"$stuck/let_go"
    step "start $guest"
    timeout 120 virsh start "$guest" >late 2>&1 &
    start=$!
    wait_until 60 "the unbind of $edu" is_unbound_for "$guest"
    "$@"
    wait "$start" || status=$?
    output=$(<late)
    printf 'virsh start %s: exit status %s\n%s\n' "$guest" "$status" "$output"
    [ "$status" -ne 124 ] || fail "start of $guest: no end in time"
    [ "$status" -ne 0 ] || fail "start of $guest: succeeded"
    expect_match "what virsh says" "$edu: its host driver qh_stuck does not let go" "$output"
    echo 1 >"$stuck/let_go"
}
is_unbound_for() { pgrep --runstates D --full "hooks/qemu $1 " >/dev/null; }

# expect_others_work GUEST: what has nothing to do with the kept lock goes on; GUEST has other devices.
expect_others_work() {
    step "qemu-hook --status"
    in_time 20 qemu-hook --status >status || fail "--status failed"
    step "virsh list, and guest $1 starts and ends"
    in_time 20 virsh --quiet list --all
    in_time 100 virsh --quiet start "$1"
    expect_running "$1"
    in_time 60 virsh --quiet destroy "$1"
}

expect_daemon_restarts() {
    step "libvirtd is restarted"
    systemctl reset-failed "$daemon_name.service" 2>/dev/null || true
    # It gives its own threads 30 s to end.
    in_time 100 systemctl restart "$daemon_name.service"
    in_time 60 virsh --quiet list --all
}

# show_stuck: each thread in uninterruptible sleep, with what it waits in.
show_stuck() {
    local task state
    for task in /proc/[0-9]*/task/*; do
        { read -r state <"$task/stat"; } 2>/dev/null || continue
        [[ $state == *') D '* ]] || continue
        echo "in state D: ${state%%) *}) $(tr '\0' ' ' <"$task/../../cmdline")"
        sed 's/^/    /' "$task/stack"
    done 2>/dev/null
}
