# shellcheck shell=bash
# libvirtd, stopped and started. systemd gives up on a unit that is started too often, so its counter is reset.

stop_daemon() {
    systemctl stop libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket 2>/dev/null
}

start_daemon() {
    systemctl reset-failed libvirtd.service 2>/dev/null || true
    systemctl start libvirtd.service
    wait_until 90 "libvirtd's answer" timeout 10 virsh --quiet uri
}

# Killed (-9); systemd starts the next one (Restart=on-failure).
kill_daemon() {
    signal_daemon KILL
    await_new_daemon
}
signal_daemon() { kill "-$1" "$(systemctl show --value --property=MainPID libvirtd.service)"; }
await_new_daemon() {
    wait_until 30 "the daemon's end" daemon_is_not_up
    start_daemon
}
daemon_is_not_up() { ! systemctl is-active --quiet libvirtd.service; }

# kill_qemu_first GUEST: the daemon is stopped before, or it would be in the middle of the guest's end already. Then kill_daemon.
kill_qemu_first() {
    signal_daemon STOP
    kill -KILL "$(<"/run/libvirt/qemu/$1.pid")"
}

restart_daemon() {
    systemctl reset-failed libvirtd.service 2>/dev/null || true
    systemctl restart libvirtd.service
    wait_until 90 "libvirtd's answer" timeout 10 virsh --quiet uri
}
