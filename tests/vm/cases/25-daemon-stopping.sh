# shellcheck shell=bash source=../lib.sh
# libvirtd is told to stop while a guest starts, or ends: it waits for the hook, and answers nobody any more. The hook is
# through in seconds all the same, and the daemon that comes next finds the guest and the device as they should be.
# limit: 600
# long
# modular
. ./lib.sh
before=$(host_state)
put_back() {
    touch "$scratch/go-on"
    rm -rf /etc/libvirt/hooks/qemu.d
    mv "$scratch/hook" "$hook"
    restart_daemon
}
# Another hook in front, which holds the daemon until it is stopping; ours where install.sh puts it beside one.
cp -P "$hook" "$scratch/hook"
at_end put_back
mkdir -p /etc/libvirt/hooks/qemu.d
mv "$hook" /etc/libvirt/hooks/qemu.d/qemu-hook
cat >"$hook" <<END
#!/bin/bash
[[ "\$1 \$2" == "\$(cat $scratch/wait-at)" ]] || exit 0
: >$scratch/waiting
until [ -e $scratch/go-on ]; do sleep 0.2; done
END
chmod +x "$hook"
: >"$scratch/wait-at"
restart_daemon
define_guest between managed=no "$nic"

daemon_is() { [[ "$(systemctl is-active "$daemon_name.service")" =~ ^($1)$ ]]; }
# stop_daemon_at "GUEST OPERATION" COMMAND...: the daemon is stopping when the hook is called for it.
stop_daemon_at() {
    local client
    rm -f "$scratch/go-on" "$scratch/waiting"
    echo "$1" >"$scratch/wait-at"
    shift
    "$@" &
    client=$!
    wait_until 60 "the other hook" test -e "$scratch/waiting"
    systemctl --no-block stop "$daemon_name.service" "$daemon_name"{,-ro,-admin}.socket
    wait_until 30 "the end's beginning" daemon_is deactivating
    sleep 1
    touch "$scratch/go-on"
    wait "$client" || echo "virsh: exit status $?"
    wait_until 90 "the daemon's end" daemon_is 'inactive|failed'
    : >"$scratch/wait-at"
}
# hook_took WORD: what the hook says of the time that it took since the last call, in ms.
hook_took() {
    local log
    log=$(hook_news)
    printf '%s\n' "$log" >&2
    sed -n "s/^between: $1.* (\([0-9]*\) ms)\$/\1/p" <<<"$log"
}
hook_news >/dev/null || true # in a fresh machine there is nothing yet

step "it stops at a start"
stop_daemon_at "between prepare" virsh --quiet start between
took=$(hook_took prepared)
[ "${took:-99999}" -lt 30000 ] || fail "prepare took '$took' ms"
step "it comes back"
start_daemon
virsh domstate between
guest_is between running || start_guest between
expect_driver vfio-pci "$nic"

hook_news >/dev/null
step "it stops at an end"
stop_daemon_at "between stopped" virsh --quiet destroy between
took=$(hook_took released)
[ "${took:-99999}" -lt 30000 ] || fail "release took '$took' ms"
expect_driver e1000e "$nic"
step "it comes back"
start_daemon
wait_until 60 "the guest's end" guest_is between 'shut off'
expect_same_state "$before"
