# shellcheck shell=bash source=../lib.sh
# What only the modular daemons do: one that is not used for a while ends by itself, also while the hook works for it; the
# one that knows the devices is started by the question about them, or is not there at all; the old daemon's settings
# are still there.
# suite: modular
# modular
# limit: 900
. ./lib.sh
before=$(host_state)
define_guest quick managed=no "$nic" managed=yes "$edu"
settings=/etc/systemd/system/virtqemud.service.d
put_back() {
    touch "$scratch/go-on"
    rm -rf /etc/libvirt/hooks/qemu.d "$settings"
    systemctl unmask --quiet --runtime virtnodedevd.service virtnodedevd{,-ro,-admin}.socket
    mv "$scratch/libvirt.conf" /etc/libvirt/libvirt.conf
    export LIBVIRT_DEFAULT_URI=qemu:///system
    systemctl daemon-reload
    systemctl start virtnodedevd.socket
    restart_daemon
}
cp /etc/libvirt/libvirt.conf "$scratch/"
at_end put_back

expect_libvirt() { expect_no_match "the log" 'using sysfs' "$(hook_news)"; }
hook_news >/dev/null || true

step "virtnodedevd is not running yet"
systemctl stop virtnodedevd.service
start_guest quick
expect_driver vfio-pci "$nic" "$edu"
destroy_guest quick
expect_same_state "$before"
hook_news

step "there is no virtnodedevd"
systemctl stop virtnodedevd.service virtnodedevd{,-ro,-admin}.socket
systemctl mask --quiet --runtime virtnodedevd.service virtnodedevd{,-ro,-admin}.socket
start_guest quick
expect_driver vfio-pci "$nic" "$edu"
destroy_guest quick
expect_same_state "$before"
expect_match "the log" 'using sysfs' "$(hook_news)"
systemctl unmask --quiet --runtime virtnodedevd.service virtnodedevd{,-ro,-admin}.socket
systemctl start virtnodedevd.socket

step "virtqemud ends by itself while the guest's devices come back"
mkdir -p "$settings" /etc/libvirt/hooks/qemu.d
printf '[Service]\nEnvironment="VIRTQEMUD_ARGS=--timeout 3"\n' >"$settings/timeout.conf"
cat >/etc/libvirt/hooks/qemu.d/60-wait <<END
#!/bin/bash
# Somebody's hook that takes its time, so that the daemon is not used any more when ours is called again.
[[ \$1/\$2 == quick/stopped ]] || exit 0
until [ -e $scratch/go-on ]; do sleep 0.2; done
END
chmod +x /etc/libvirt/hooks/qemu.d/60-wait
systemctl daemon-reload
restart_daemon
start_guest quick
virsh --quiet destroy quick &
destroying=$!
wait_until 60 "the slow hook" pgrep --full "qemu.d/60-wait quick stopped"
first=$(<"/run/$daemon_name.pid")
sleep 5 # the daemon's own three, and a little more
touch "$scratch/go-on"
wait "$destroying" || true
daemon_is_another() { [ ! -e "/run/$daemon_name.pid" ] || [ "$(<"/run/$daemon_name.pid")" != "$first" ]; }
wait_until 90 "the daemon's end" daemon_is_another
no_journal_is_left() { ! compgen -G "$run_folder/*.journal" >/dev/null; }
wait_until 60 "the devices to come back" no_journal_is_left
expect_same_state "$before"
hook_news
rm -rf "$settings" /etc/libvirt/hooks/qemu.d
systemctl daemon-reload
restart_daemon
hook_news >/dev/null || true

step "libvirt's own settings name the old daemon, and its socket is still there"
: >/etc/libvirt/libvirt.conf
export LIBVIRT_DEFAULT_URI='qemu:///system?mode=direct'
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "/run/libvirt/libvirt-sock", Listen => 1)'
start_guest quick
expect_driver vfio-pci "$nic" "$edu"
destroy_guest quick
expect_same_state "$before"
expect_libvirt
rm -f /run/libvirt/libvirt-sock
