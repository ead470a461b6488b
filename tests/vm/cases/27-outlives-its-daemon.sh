# shellcheck shell=bash source=../lib.sh
# A call of the hook that goes on after its libvirtd was killed, when the next one is just starting the guest anew: it leaves that
# start's devices alone.
# limit: 600
# modular
. ./lib.sh
before=$(host_state)
put_hook_back() {
    rm -rf /etc/libvirt/hooks/mine
    rm -f "$hook"
    mv "$scratch/hook" "$hook"
    restart_daemon
}
cp -P "$hook" "$scratch/hook"
at_end put_hook_back
mkdir /etc/libvirt/hooks/mine
ln -s /usr/sbin/qemu-hook /etc/libvirt/hooks/mine/devices
rm "$hook"
# Once, where there is a file late.OPERATION, the hook gets its XML only when "go" is there, and `release` is not even begun before.
# QEMU waits for "launch".
cat >"$hook" <<END
#!/bin/bash
cd $scratch
await() { until [ -e "\$1" ]; do sleep 0.1; done; }
hook=/etc/libvirt/hooks/mine/devices
[ "\$2" != start ] || await launch
[ -e "late.\$2" ] || exec \$hook "\$@"
mv "late.\$2" begun
xml=\$(cat)
[ "\$2" = prepare ] || await go
exec \$hook "\$@" < <(await go; printf '%s\n' "\$xml")
END
chmod +x "$hook"
restart_daemon
journal=$run_folder/outlives.journal
define_guest outlives managed=no "$nic"

reads_stdin() { # a `prepare` that knows its daemon, and waits for the XML
    local pid call fd
    pid=$(pgrep --full '^/etc/libvirt/hooks/mine/devices outlives prepare') && read -r call fd _ <"/proc/$pid/syscall" &&
        [ "$call $fd" = "0 0x0" ]
}
late_call_has_begun() { [ -e begun ]; }
late_call_is_over() { ! pgrep --full "hooks/[a-z/]* outlives $1 " >/dev/null; }
is_given_back() { [ ! -e "$journal" ]; }
is_ready() { grep --quiet '^ready' "$journal" 2>/dev/null; }

# start_beside OPERATION: the guest starts, and is ready but for QEMU, when the late call of OPERATION goes on.
start_beside() {
    local start
    rm -f go launch
    virsh --quiet start outlives >again 2>&1 &
    start=$!
    wait_until 60 "what \`prepare\` makes ready" is_ready
    ! late_call_is_over "$1" || fail "the late \`$1\` is over already"
    touch go
    wait_until 60 "the end of the late \`$1\`" late_call_is_over "$1"
    expect_driver vfio-pci "$nic"
    is_ready || fail "the start's journal is not as it was: $(cat "$journal" 2>&1)"
    touch launch
    wait "$start" || fail "the start failed: $(<again)"
    expect_running outlives
}

step "a late prepare"
touch late.prepare
virsh --quiet start outlives >first 2>&1 &
first=$!
wait_until 60 "the hook's wait for its XML" reads_stdin
kill_daemon
! wait "$first" || fail "virsh noticed nothing"
start_beside prepare
expect_match "the log" '^outlives: the libvirt daemon \(process [0-9]+\) ended during the start' "$(hook_news)"
destroy_guest outlives
expect_same_state "$before"

step "a late release"
rm -f go begun
start_guest outlives
touch late.release
virsh --quiet destroy outlives >first 2>&1 &
first=$!
wait_until 60 "the hook's call" late_call_has_begun
kill_daemon
wait "$first" || true
wait_until 60 "what the next daemon gives back" is_given_back
expect_same_state "$before"
start_beside release
expect_match "the log" '^outlives: nothing is given back: the libvirt daemon that ended the guest has ended itself' "$(hook_news)"
destroy_guest outlives
expect_same_state "$before"
