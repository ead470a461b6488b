# shellcheck shell=bash
# libvirt's daemon for guests, stopped and started. systemd gives up on a unit that is started too often, so its counter
# is reset.

daemon_name=libvirtd
[ ! -e /usr/sbin/virtqemud ] || daemon_name=virtqemud

stop_daemon() {
    systemctl stop "$daemon_name.service" "$daemon_name"{,-ro,-admin}.socket 2>/dev/null
}

start_daemon() {
    systemctl reset-failed "$daemon_name.service" 2>/dev/null || true
    systemctl start "$daemon_name.service"
    wait_until 90 "libvirtd's answer" timeout 10 virsh --quiet uri
}

# Killed (-9); systemd starts the next one (Restart=on-failure).
kill_daemon() {
    signal_daemon KILL
    await_new_daemon
}
signal_daemon() { kill "-$1" "$(daemon_pid)"; }
# Its process. One that nobody uses may have ended by itself (--timeout), and a question starts it.
daemon_pid() {
    systemctl is-active --quiet "$daemon_name.service" || virsh --quiet uri >/dev/null
    systemctl show --value --property=MainPID "$daemon_name.service"
}
await_new_daemon() {
    wait_until 30 "the daemon's end" daemon_is_not_up
    start_daemon
}
daemon_is_not_up() { ! systemctl is-active --quiet "$daemon_name.service"; }

# kill_qemu_first GUEST: the daemon is stopped before, or it would be in the middle of the guest's end already. Then kill_daemon.
kill_qemu_first() {
    signal_daemon STOP
    kill -KILL "$(<"/run/libvirt/qemu/$1.pid")"
}

restart_daemon() {
    systemctl reset-failed "$daemon_name.service" 2>/dev/null || true
    systemctl restart "$daemon_name.service"
    wait_until 90 "libvirtd's answer" timeout 10 virsh --quiet uri
}
