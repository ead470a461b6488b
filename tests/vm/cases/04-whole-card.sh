# shellcheck shell=bash source=../lib.sh
# A card of three functions, ten times in a row.
# long
# limit: 900
. ./lib.sh
before=$(host_state)
define_guest card "${card[@]}"

for cycle in {1..10}; do
    step "cycle $cycle"
    start_guest card
    expect_running card
    expect_driver vfio-pci "${card[@]}"
    destroy_guest card
    expect_driver bochs-drm "$display"
    expect_driver snd_hda_intel "$audio"
    expect_driver xhci_hcd "$usb"
    expect_same_state "$before"

    conf=$(stat -c '%i %y' "$confs/card.toml")
    expect_eq "the conf's inode and time" "${first_conf:=$conf}" "$conf"
done
