# shellcheck shell=bash source=../lib.sh
# A display manager whose start still waits for something, as when a guest is autostarted at boot: it counts as one that runs.
# limit: 600
. ./lib.sh
start_desktop
define_guest gamer "$boot_display"
systemctl stop stand-in.service desktop-session.service
loginctl terminate-user sitter
wait_until 60 "the desktop's end" desktop_is_down
before=$(host_state)

units=/run/systemd/system
printf '[Service]\nType=oneshot\nExecStart=/usr/bin/sleep infinity\n' >$units/slow.service
mkdir $units/stand-in.service.d
printf '[Unit]\nAfter=slow.service\n' >$units/stand-in.service.d/after.conf
forget_units() {
    systemctl stop slow.service
    rm -rf $units/slow.service $units/stand-in.service.d
    systemctl daemon-reload
}
at_end forget_units
systemctl daemon-reload
systemctl --no-block start slow.service
systemctl --no-block start stand-in.service
job() { systemctl show --property=Job --value stand-in.service; }
is_queued() { [[ $(job) = [1-9]* ]]; }
wait_until 30 "the display manager's job" is_queued
expect_eq "the display manager" inactive "$(systemctl is-active stand-in.service || true)"

expect_match "--plan" 'stop the display manager stand-in.service' "$(qemu-hook --plan gamer)"
start_guest gamer
expect_driver vfio-pci "$boot_display"
! is_queued || fail "the display manager would start while the guest has its screen"
systemctl stop slow.service
expect_eq "the display manager" inactive "$(systemctl is-active stand-in.service || true)"
destroy_guest gamer
wait_until 60 "the desktop" desktop_is_up
expect_same_state "$before"
