# shellcheck shell=bash source=../lib.sh
# A host without a screen: its card has no driver and carries nothing. It goes like any other device.
# long
# boot: no-vga modprobe.blacklist=bochs
. ./lib.sh
before=$(host_state)
expect_eq "frame buffers" '' "$(</proc/fb)"
define_guest worker "${card[@]}"
expect_match "--setup" 'GPU: secondary' "$(qemu-hook --setup worker)"
expect_no_match "--plan" 'display manager|console|session|sleep' "$(qemu-hook --plan worker)"
for cycle in 1 2; do
    step "cycle $cycle"
    start_guest worker
    expect_driver vfio-pci "${card[@]}"
    destroy_guest worker
    expect_driver none "$display"
    expect_driver snd_hda_intel "$audio"
    expect_same_state "$before"
done
