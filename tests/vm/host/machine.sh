# shellcheck shell=bash
# One machine a suite: start, ask, stop. Its files lie in $vm_data/run/SUITE: pid, console.log, console.sock, qmp.sock,
# share/, logs/.

boot_limit=${VM_BOOT_LIMIT:-480} # seconds until libvirtd answers; 20 are usual, on a slow and busy machine it is 200

run_of() { printf '%s/run/%s\n' "$vm_data" "$1"; }

# The pid file alone could name somebody else's process by now.
is_running() {
    local run pid
    run=$(run_of "$1")
    pid=$(cat "$run/pid" 2>/dev/null) || return 1
    grep --quiet --null-data --line-regexp --fixed-strings "$run/pid" "/proc/$pid/cmdline" 2>/dev/null
}

require_running() {
    is_running "$1" || die "the $1 machine does not run: tests/vm/vm start $1"
}

start_machine() {
    local suite=$1 run lock
    run=$(run_of "$suite")
    need qemu-system-x86_64=qemu-system-x86 "$uefi_firmware=ovmf"
    ensure_image "$suite"

    mkdir -p "$run"
    exec {lock}>"$run.lock"
    flock "$lock"
    if ! is_running "$suite"; then
        # One that dies in its boot is booted anew, once.
        if ! boot_afresh "$suite" {lock}>&- && { is_running "$suite" || ! boot_afresh "$suite" {lock}>&-; }; then
            stop_machine "$suite"
            die "the $suite machine did not come up within $boot_limit s"
        fi
    fi
    exec {lock}>&-
}

boot_afresh() {
    local run
    run=$(run_of "$1")
    rm -rf --one-file-system "$run/share"
    rm -f "$run/pid" "$run/console.sock" "$run/qmp.sock"
    mkdir -p "$run/share/jobs" "$run/logs"
    cp "$vm_home/agent" "$run/share/agent"
    truncate -s 64M "$run/nvme.img"
    timed "booting $1" boot "$1" || { show_machine_log "$1"; return 1; }
}

boot() {
    local suite=$1 run deadline
    run=$(run_of "$suite")
    deadline=$((SECONDS + boot_limit))
    launch_qemu "$suite" "$(image_of "$suite")" "$run" || return 1
    until [ -e "$run/share/up" ]; do
        if [ "$SECONDS" -ge "$deadline" ] || ! is_running "$suite"; then return 1; fi
        sleep 0.2
    done
    wait_for_daemon "$suite" "$deadline"
}

# wait_for_daemon SUITE DEADLINE: a value of $SECONDS.
wait_for_daemon() {
    run_job "$1" $(($2 - SECONDS)) >/dev/null <<'END'
until virsh --quiet --connect qemu:///system uri; do sleep 0.2; done
END
}

show_machine_log() {
    local run
    run=$(run_of "$1")
    say "--- what QEMU said, and the end of the console ($run/console.log)"
    cat "$run/qemu.log" >&2 || true
    tail -n 60 "$run/console.log" >&2 || true
}

# reboot_machine SUITE: from within, as a person does it; what was written to its disk stays.
reboot_machine() {
    local suite=$1 up deadline=$((SECONDS + boot_limit))
    up=$(run_of "$suite")/share/up
    rm -f "$up"
    run_job "$suite" 30 <<<'systemctl --no-block reboot' || return
    until [ -e "$up" ]; do
        if [ "$SECONDS" -ge "$deadline" ] || ! is_running "$suite"; then return 1; fi
        sleep 0.2
    done
    wait_for_daemon "$suite" "$deadline"
}

stop_machine() {
    local suite=$1 run pid
    run=$(run_of "$suite")
    if is_running "$suite"; then
        pid=$(cat "$run/pid")
        kill -KILL "$pid" # nothing in it is worth a shutdown: its disk is a snapshot
        while is_running "$suite"; do sleep 0.05; done
    fi
    rm -f "$run/pid" "$run/console.sock" "$run/qmp.sock" "$run/nvme.img"
}
