# shellcheck shell=bash source=../lib.sh
# A second card beside a living desktop: lightdm, Xorg and PipeWire. Reserved, from the next boot on no desktop opens it, and
# a guest has it ten times over. Desktop and sound server are the same processes afterwards, the desktop draws all the time,
# and after each return nobody has the card's screen open, while its sound is in the server's list again.
# suite: desktop
# limit: 1800
. ./lib.sh
manager=${manager:-lightdm} compositor=${compositor:-Xorg} terminal=${terminal:-xterm} cycles=${cycles:-10}
uses_card() {
    case $compositor in
        Xorg | kwin_wayland | gnome-shell) holders_of /dev/dri/card1 | grep --quiet "^$compositor " ;;
        # Rendering by the CPU it has no use for a second card, and closes that again (wlroots 0.15).
        sway) journalctl --boot --quiet -t sway -o cat | grep --quiet 'Initializing DRM backend for /dev/dri/card1' ;;
    esac
}

kept=/root/before-reboot
if [ ! -e "$kept" ]; then
    define_guest second "${card[@]}"
    start_display_manager "$manager" "$terminal"
    uses_card || fail "$compositor leaves the card alone without a reservation"
    # sddm has an Xorg of its own, which takes the card a little later.
    [ "$manager" != sddm ] || wait_until 120 "sddm's Xorg" eval 'holders_of /dev/dri/card1 | grep --quiet "^Xorg "'
    # Sway has closed it again.
    [ "$compositor" = sway ] || expect_refusal second holders "$display: the desktop has it open: .*$compositor \\("
    qemu-hook --setup second --reserve | tee told
    expect_match "--setup" 'next boot' "$(<told)"
    : >"$kept"
    reboot_and_go_on
fi
rm "$kept"
at_end stop_display_manager "$manager"
at_end qemu-hook --setup second --reserve=no

wait_until 180 "desk's session" desk_is_in
wait_until 120 "the terminal" is_there "$terminal"
beside_desktop "$cycles" "$compositor" "$terminal"
! uses_card || fail "$compositor has used the card"
