# shellcheck shell=bash source=../lib.sh
# The hook killed (-9) by somebody while libvirt waits for it, in a real start and in a real end, at states of its journal
# and at odd times: libvirt's own release, the next start, or --reattach brings the host back.
# limit: 900
# long
# modular
. ./lib.sh
before=$(host_state)
define_guest shot managed=no "$nic" managed=yes "$edu"
journal=$run_folder/shot.journal
mkfifo pause
exec {pause}<>pause

# find_hook OPERATION: sets $hook_pid to the process in which libvirtd runs the hook. Without a process of its own, each of which
# takes longer than the hook.
find_hook() {
    local daemon file pid words pids
    daemon=$(<"/run/$daemon_name.pid")
    while :; do
        for file in /proc/"$daemon"/task/*/children; do
            pids=()
            { read -r -a pids <"$file"; } 2>/dev/null || true
            for pid in "${pids[@]}"; do
                { mapfile -d '' -t words <"/proc/$pid/cmdline"; } 2>/dev/null || continue
                [[ ${words[0]-}/${words[2]-} != "$hook/$1" ]] || { hook_pid=$pid && return; }
            done
        done
    done
}

# kill_at OPERATION LINES|after:SECONDS: kills the hook when its journal has LINES more lines than now, or SECONDS after the hook has
# been seen. Says what it met.
kill_at() {
    local lines=() now
    [ ! -e "$journal" ] || mapfile -t lines <"$journal"
    now=${#lines[@]}
    find_hook "$1"
    case $2 in
        after:*) read -r -t "${2#after:}" -u "$pause" || true ;;
        *)
            # The hook may end, and a journal that is gone has no lines any more.
            lines=()
            while [ "${#lines[@]}" -lt $((now + $2)) ] && [ -e "/proc/$hook_pid" ]; do
                { mapfile -t lines <"$journal"; } 2>/dev/null || lines=()
            done
            ;;
    esac
    if kill -KILL "$hook_pid" 2>/dev/null; then
        { mapfile -t lines <"$journal"; } 2>/dev/null || lines=(gone)
        echo "killed; its journal: ${lines[*]: -1}"
    else
        echo "it was faster"
    fi
}

# The journal is made with a dozen lines, then each step is a line more.
failed=0
for at in 1 11 12 13 after:0.$((RANDOM % 10)) after:1.$((RANDOM % 10)); do
    step "a start, killed at $at"
    kill_at prepare "$at" >met &
    killer=$!
    status=0
    virsh --quiet start shot 2>err || status=$?
    wait "$killer" || fail "the killer failed"
    cat met
    if [ "$status" -eq 0 ]; then
        destroy_guest shot # the hook was through when the killer came
    else
        failed=$((failed + 1))
        expect_match "what virsh says" 'fatal signal 9' "$(<err)"
    fi
    # libvirt calls release for it.
    expect_same_state "$before"
done
[ "$failed" -ge 2 ] || fail "only $failed starts were killed"

killed=0
tries=0
for at in 1 2 after:0.$((RANDOM % 10)) 1 1 1 1 1; do
    # Its end is short, so the killer may have been too late each time.
    [ $((tries++)) -lt 3 ] || [ "$killed" -eq 0 ] || break
    start_guest shot
    step "an end, killed at $at"
    kill_at release "$at" >met &
    killer=$!
    virsh --quiet destroy shot
    wait "$killer" || fail "the killer failed"
    cat met
    if grep --quiet '^killed' met; then
        killed=$((killed + 1))
        [ "$killed" -ne 1 ] || qemu-hook --reattach shot
    fi
    [ ! -e "$journal" ] || {
        step "the next start, and its end"
        start_guest shot
        expect_driver vfio-pci "$nic" "$edu"
        destroy_guest shot
    }
    expect_same_state "$before"
done
[ "$killed" -ge 1 ] || fail "no end was killed"
