# shellcheck shell=bash source=../lib.sh
# At boot libvirtd starts the guest that has the only screen, while lightdm's start is still queued or has just begun. lightdm
# stays away until the guest has ended; then it comes, and the person's session draws.
# suite: desktop
# limit: 1800
. ./lib.sh
kept=/root/before-reboot
if [ ! -e "$kept" ]; then
    start_display_manager lightdm xterm
    define_guest gamer "$boot_display"
    virsh --quiet autostart gamer
    : >"$kept"
    reboot_and_go_on
fi
rm "$kept"
at_end stop_display_manager lightdm
wait_until 300 "the guest to run" guest_is gamer running
expect_driver vfio-pci "$boot_display"
hook_news
systemctl show --property=ActiveState,Job,ActiveEnterTimestamp lightdm.service
is_settled() { [ -z "$(systemctl list-jobs --no-legend)" ]; }
wait_until 120 "the end of all the boot's jobs" is_settled
expect_eq "the display manager" inactive "$(systemctl is-active lightdm.service || true)"
! is_there Xorg || fail "Xorg runs"
expect_driver vfio-pci "$boot_display"

destroy_guest gamer
expect_driver virtio-pci "$boot_display"
wait_until 180 "desk's session" desk_is_in
wait_until 120 "the terminal" is_there xterm
expect_drawing after
