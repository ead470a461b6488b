# shellcheck shell=bash source=../lib.sh
# A card that does not carry the console: the desktop on the other one, its consoles and its sessions never notice.
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
