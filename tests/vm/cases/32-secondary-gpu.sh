# shellcheck shell=bash source=../lib.sh
# A card that does not carry the console: the desktop on the other one, its consoles and its sessions never notice.
# limit: 900
. ./lib.sh
start_desktop
before=$(desktop_state)
define_guest second "${card[@]}"
facts() {
    systemctl show --property=InvocationID --value stand-in.service
    find /run/systemd/sessions -type f -printf '%f\n' | sort
    for console in /sys/class/vtconsole/*; do echo "${console##*/}: $(<"$console/bind")"; done
    head -n 1 /proc/fb
}
facts_before=$(facts)
expect_match "--setup" 'GPU: secondary' "$(qemu-hook --setup second)"
expect_no_match "--plan" 'display manager|console|session|sleep' "$(qemu-hook --plan second)"

start_guest second
expect_driver vfio-pci "${card[@]}"
expect_eq "the desktop while it runs" "$facts_before" "$(facts)"
may_sleep || fail "the host must not sleep although it has its screen"
destroy_guest second
expect_eq "the desktop afterwards" "$facts_before" "$(facts)"
expect_desktop "$before"

step "the boot display comes back after it, and its frame buffer is not the first any more"
define_guest gamer "$boot_display"
both_away_and_back() { # GUEST GUEST: the order in which they end
    start_guest gamer
    start_guest second
    destroy_guest "$1"
    destroy_guest "$2"
    expect_desktop "$before"
}
first_framebuffer() { basename "$(readlink /sys/class/graphics/fb0/device)"; }
both_away_and_back second gamer
expect_eq "whose the first frame buffer is" "$display" "$(first_framebuffer)"
expect_match "--setup" 'GPU: secondary' "$(qemu-hook --setup second)"
desktop_facts() { facts | grep --invert-match drmfb; }
facts_before=$(desktop_facts)
start_guest second
expect_eq "the desktop while it runs" "$facts_before" "$(desktop_facts)"
destroy_guest second
expect_desktop "$before"
both_away_and_back gamer second
expect_eq "whose the first frame buffer is" "$boot_display" "$(first_framebuffer)"
