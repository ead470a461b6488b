# shellcheck shell=bash source=../lib.sh
# libvirtd is killed (-9) in the middle of a prepare: nobody will call release, so the hook puts everything back by itself, the desktop too. And
# guests that end beside a daemon's restart are undone once, by the daemon, however early the next guest wants their device; by the
# next guest only when the daemon is through with it but for its call of the hook, which then finds nothing.
# limit: 1200
# long
# modular
. ./lib.sh
mkdir -p /etc/libvirt/qemu-hook
cp /etc/libvirt/qemu-hook/host.toml "$scratch/host.toml"
put_back() {
    cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml
    rm -rf "/run/systemd/system/$daemon_name.service.d"
    systemctl daemon-reload
    start_daemon
}
at_end put_back
# Who kills it says when the next one comes.
mkdir -p "/run/systemd/system/$daemon_name.service.d"
printf '[Service]\nRestart=no\n' >"/run/systemd/system/$daemon_name.service.d/restart.conf"
systemctl daemon-reload
before=$(host_state)
journal=$run_folder/cut.journal

daemon_is_down() { ! systemctl is-active --quiet "$daemon_name.service"; }
kill_daemon() {
    signal_daemon KILL
    # Or whoever asks the daemon starts it. virtqemud ends with its socket, so not before.
    systemctl stop "$daemon_name"{,-ro,-admin}.socket 2>/dev/null || true
    wait_until 30 "the daemon's end" daemon_is_down
}
hook_runs() { pgrep --full "hooks/qemu $1 " >/dev/null; }
no_hook_runs() { ! hook_runs "$1"; }
# start_and_wait_for COMMAND...: the start of the guest "cut", in the background, until the command succeeds.
start_and_wait_for() {
    virsh --quiet start cut >err 2>&1 &
    client=$!
    wait_until 60 "$*" "$@"
    hook_runs cut || fail "the hook is through already: $(<err)"
}
# expect_undone [COMMAND]: by the hook alone, and the next start works as any.
expect_undone() {
    wait_until 150 "the hook's end" no_hook_runs cut
    ! wait "$client" || fail "virsh noticed nothing"
    [ ! -e "$journal" ] || { cat "$journal" && fail "the journal stays"; }
    "${@:-true}"
}

step "killed while the hook waits for another guest"
# Longer than the next daemon takes to start on a busy machine.
printf '[deadlines]\nlock = 75\n' >/etc/libvirt/qemu-hook/host.toml
define_guest cut managed=no "$nic"
define_guest blocker "$nic"
hook_waits() { hook_log | grep --quiet 'cut: waiting for'; }
for daemon in "the next one is there already" "no daemon"; do
    step "$daemon"
    qemu-hook --detach blocker
    flock "$run_folder/blocker.journal" sleep infinity &
    holder=$!
    case_began=$(date '+%Y-%m-%d %H:%M:%S.%6N')
    start_and_wait_for hook_waits
    virsh --quiet nodedev-reattach "pci_${nic//[:.]/_}"
    kill_daemon
    [ "$daemon" = "no daemon" ] || start_daemon
    hook_runs cut || fail "the hook did not wait"
    rm "$run_folder/blocker.journal"
    kill "$holder"
    expect_undone expect_same_state "$before"
    [ "$daemon" != "no daemon" ] || start_daemon
done
start_guest cut
destroy_guest cut
expect_same_state "$before"

step "killed while a driver takes its time"
printf '[deadlines]\ndetach = 60\n' >/etc/libvirt/qemu-hook/host.toml
modprobe vfio-pci
driver_waits() { pgrep --runstates D --full 'hooks/qemu cut' >/dev/null; }
for daemon in "the next one is there already" "no daemon"; do
    step "$daemon"
    modprobe qh_stuck edu=1
    define_guest cut managed=no "$nic" managed=yes "$edu"
    during=$(host_state)
    start_and_wait_for driver_waits
    kill_daemon
    [ "$daemon" = "no daemon" ] || start_daemon
    echo 1 >/sys/module/qh_stuck/parameters/let_go
    expect_undone expect_same_state "$during"
    [ "$daemon" != "no daemon" ] || start_daemon
    wait_until 20 "the module's end" modprobe -r qh_stuck
done
expect_same_state "$before"

step "killed when the desktop is gone already"
printf '[deadlines]\nholders = 60\n' >/etc/libvirt/qemu-hook/host.toml
start_desktop
desktop=$(desktop_state)
define_guest cut "$boot_display"
manager=$(systemctl show --property=MainPID --value stand-in.service)
node=/dev/dri/by-path/pci-$boot_display-card
systemd-run --quiet --collect --unit=late bash -c \
    "tail --follow --pid=$manager --sleep-interval=0.02 /dev/null; exec 3<>$node; exec sleep infinity"
only_late_holds() { ! systemctl is-active --quiet stand-in.service && [ "$(desktop_holders)" = 1 ] && [ "$(seat_sessions)" = 0 ]; }
start_and_wait_for only_late_holds
kill_daemon
start_daemon
systemctl stop late.service
expect_undone expect_desktop "$desktop"
wait_until 20 "the host to be allowed to sleep" may_sleep
stop_desktop
expect_same_state "$before"

# Between the end of QEMU and the hook's call is some time: another hook in front takes it. Ours is where install.sh puts it beside one.
put_hook_back() {
    rm -rf /etc/libvirt/hooks/qemu.d
    rm -f "$hook"
    mv "$scratch/hook" "$hook"
    restart_daemon
}
cp -P "$hook" "$scratch/hook"
at_end put_hook_back
mkdir -p /etc/libvirt/hooks/qemu.d
mv "$hook" /etc/libvirt/hooks/qemu.d/50-qemu-hook
# shellcheck disable=SC2016 # for the script to expand
printf '#!/bin/bash\n[ "$1 $2" != "ending stopped" ] || sleep 3\n' >"$hook"
chmod +x "$hook"
restart_daemon

# end_beside_a_restart HOW: "ending" ends, and "next" wants its device as soon as a daemon answers.
end_beside_a_restart() {
    hook_news >/dev/null
    start_guest ending
    case $1 in
        dead)
            kill_daemon
            kill -KILL "$(</run/libvirt/qemu/ending.pid)"
            systemctl start "$daemon_name.service"
            ;;
        dying)
            kill_daemon
            systemctl start "$daemon_name.service"
            until virsh --quiet uri >/dev/null 2>&1; do sleep 0.1; done
            kill -KILL "$(</run/libvirt/qemu/ending.pid)"
            ;;
        destroyed)
            restart_daemon
            virsh --quiet destroy ending &
            ;;
    esac
    until virsh --quiet uri >/dev/null 2>&1; do sleep 0.1; done
    virsh --quiet start next
    expect_running next
    expect_driver vfio-pci "${card[@]}"
    wait_until 60 "the other guest's end" guest_is ending 'shut off'
    [ ! -e "$run_folder/ending.journal" ] || fail "the journal of the ended guest stays"
    log=$(hook_news)
    printf '%s\n' "$log"
    expect_eq "how often it was undone" 1 \
        "$(grep --count -e '^ending: released, the host is as it was' -e '^next: undoing what was left over' <<<"$log")"
    expect_no_match "the log" 'cannot be given back|in use by driver' "$log"
    destroy_guest next
    expect_same_state "$before"
}
cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml
define_guest ending managed=no "${card[@]}"
define_guest next managed=yes "${card[@]}"
for how in dead dying destroyed dead; do
    step "a guest ends beside a restart: $how"
    end_beside_a_restart "$how"
done
