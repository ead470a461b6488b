# shellcheck shell=bash source=../lib.sh
# A daemon all of whose workers wait, for another guest's hook and for this one: it answers a connection, but no call that
# needs a worker. The hook finds that out in the time that the conf gives a connection, and does its work through sysfs,
# at the start and at the end; nothing that it had asked for comes late.
# limit: 600
# modular
# long
. ./lib.sh
before=$(host_state)
cp "/etc/libvirt/$daemon_name.conf" "$scratch/daemon.conf"
cp /etc/libvirt/qemu-hook/host.toml "$scratch/host.toml"
put_back() {
    touch "$scratch/go-on"
    rm -rf /etc/libvirt/hooks/qemu.d
    cp "$scratch/daemon.conf" "/etc/libvirt/$daemon_name.conf"
    cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml
    restart_daemon
}
at_end put_back
printf '%s\n' 'min_workers = 2' 'max_workers = 2' >>"/etc/libvirt/$daemon_name.conf"
mkdir -p /etc/libvirt/hooks/qemu.d
cat >/etc/libvirt/hooks/qemu.d/10-wait <<END
#!/bin/bash
# Somebody's hook that takes its time, and fails at last.
[[ \$1/\$2 == slow*/prepare ]] || exit 0
until [ -e $scratch/go-on ]; do sleep 0.2; done
exit 1
END
chmod +x /etc/libvirt/hooks/qemu.d/10-wait
restart_daemon
define_guest slow-1
define_guest slow-2
define_guest waiting managed=no "$nic" managed=yes "$edu"

# expect_sysfs SECONDS STEPS: what the hook has logged since the last time, about each of STEPS steps of waiting. The
# connection opens while a driver lets go, so up to a second of its time may have passed when it is asked for.
expect_sysfs() {
    local log
    log=$(hook_news)
    printf '%s\n' "$log"
    expect_eq "steps through sysfs" "$2" "$(grep -cE "libvirt.*: not finished after ($1\.0|$(($1 - 1))\.[0-9]) s; using sysfs" <<<"$log")"
}
hook_news >/dev/null || true # in a fresh machine there is nothing yet

# occupy_worker N: guest slow-N starts and has a worker of the daemon until $scratch/go-on is there.
slow_starts=()
occupy_worker() {
    virsh --quiet start "slow-$1" 2>"slow-$1.err" &
    slow_starts+=($!)
    wait_until 90 "the slow hook" pgrep --full "qemu.d/10-wait slow-$1 prepare"
}

step "all workers wait at a start"
occupy_worker 1
start_guest waiting
expect_driver vfio-pci "$nic" "$edu"
expect_sysfs 3 2

step "all workers wait at an end, the conf says 2 s"
printf '[deadlines]\nconnect = 2\n' >/etc/libvirt/qemu-hook/host.toml
# Destroying has priority: workers that do nothing else may take it, and it would not count as the second.
occupy_worker 2
for start in "${slow_starts[@]}"; do
    kill -0 "$start" || fail "a slow guest waits no more"
done
destroy_guest waiting
expect_driver e1000e "$nic"
expect_sysfs 2 2
expect_same_state "$before"

step "there is a worker again"
touch "$scratch/go-on"
for n in 1 2; do
    ! wait "${slow_starts[n - 1]}" || fail "guest slow-$n started"
    expect_match "what virsh says" "10-wait slow-$n prepare begin" "$(<slow-$n.err)"
done
sleep 2 # for what would come late
expect_same_state "$before"
printf '[deadlines]\nconnect = 20\n' >/etc/libvirt/qemu-hook/host.toml # not a question of a busy machine
start_guest waiting
expect_no_match "the hook's log" 'using sysfs' "$(hook_news)"
destroy_guest waiting
expect_same_state "$before"
