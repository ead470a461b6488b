# shellcheck shell=bash source=../lib.sh
# The only card with a screen, three times over, under a real display manager: lightdm and the Xorg that it started make
# way. When the guest has ended, lightdm is back with a new Xorg, and the person's session draws again.
# suite: desktop
# limit: 1800
. ./lib.sh
manager=${manager:-lightdm} compositor=${compositor:-Xorg} terminal=${terminal:-xterm}
start_display_manager "$manager" "$terminal"
expect_drawing before
before=$(host_state)
define_guest gamer "$boot_display"

for cycle in 1 2 3; do
    step "cycle $cycle"
    old=$(process_of "$compositor")
    start_guest gamer
    expect_running gamer
    expect_driver vfio-pci "$boot_display"
    expect_eq "the display manager" inactive "$(systemctl is-active display-manager.service || true)"
    ! is_there "$compositor" || fail "$compositor lives on"
    ! desk_is_in || fail "desk's session lives on"
    picture "gone-$cycle"

    destroy_guest gamer
    expect_driver virtio-pci "$boot_display"
    wait_until 120 "desk's session" desk_is_in
    wait_until 120 "the terminal" is_there "$terminal"
    expect_drawing "back-$cycle"
    [ "$(process_of "$compositor")" != "$old" ] || fail "the same $compositor as before"
    expect_same_state "$before"
done
