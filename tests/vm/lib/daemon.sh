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

restart_daemon() {
    systemctl reset-failed libvirtd.service 2>/dev/null || true
    systemctl restart libvirtd.service
    wait_until 90 "libvirtd's answer" timeout 10 virsh --quiet uri
}
