# shellcheck shell=bash source=../lib.sh
# No card with VGA at all, so none that the firmware calls the boot display: the console is on the first that has a driver, a
# card of three functions. It is the primary one, and goes with its console and comes back with it.
# boot: no-vga
. ./lib.sh
before=$(host_state)
[ ! -e "/sys/bus/pci/devices/$display/boot_vga" ] || fail "the card has VGA"
expect_match "the frame buffer" '^0 ' "$(</proc/fb)"
define_guest gamer "${card[@]}"

qemu-hook --check gamer | tee told
expect_match "--check" "$display carries the host's console" "$(tr '\n' ' ' <told)"
qemu-hook --plan gamer | tee told
expect_match "--plan" 'unbind the text console vtcon' "$(<told)"
for cycle in 1 2; do
    step "cycle $cycle"
    log_in "$display"
    start_guest gamer
    expect_running gamer
    expect_driver vfio-pci "${card[@]}"
    expect_eq "sessions on the seat" 0 "$(seat_sessions)"
    destroy_guest gamer
    expect_driver bochs-drm "$display"
    expect_driver snd_hda_intel "$audio"
    expect_same_state "$before"
done
