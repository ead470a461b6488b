# shellcheck shell=bash source=../lib.sh
# OpenRC in place of systemd: a guest's life, and the only card with a screen, some times over, with either kind of script
# for the display manager.
# suite: openrc
# limit: 1800
. ./lib.sh
[ -e /run/openrc/started/libvirtd ] || fail "OpenRC has not started libvirtd"
before=$(host_state)

step "a guest's life"
define_guest plain managed=no "$nic" managed=yes "$edu"
qemu-hook --check plain
start_guest plain
expect_running plain
expect_driver vfio-pci "$nic" "$edu"
destroy_guest plain
expect_driver e1000e "$nic"
expect_same_state "$before"
hook_log
expect_match "the log" "plain: .*$nic" "$(hook_log)"

define_guest gamer "$boot_display"
for script in display-manager lightdm; do
    start_desktop "$script"
    before=$(desktop_state)

    step "$script: what is told beforehand"
    qemu-hook --check gamer
    qemu-hook --plan gamer | tee told
    expect_match "--plan" "stop the display manager $script" "$(<told)"
    expect_desktop "$before" # nothing was changed

    for cycle in 1 2 3; do
        step "$script: cycle $cycle"
        start_guest gamer
        expect_running gamer
        expect_driver vfio-pci "$boot_display"
        [ ! -e "/run/openrc/started/$script" ] || fail "the display manager was not stopped"
        expect_eq "sessions on the seat" 0 "$(seat_sessions)"
        destroy_guest gamer
        expect_driver bochs-drm "$boot_display"
        expect_desktop "$before"
    done
    stop_desktop
done
