# shellcheck shell=bash source=../lib.sh
# A host whose screen no driver but the firmware's frame buffer's knows: the console is on that. It goes, with a warning
# that it comes back at the next boot, and nothing else is lost by that.
# boot: vga=791 modprobe.blacklist=bochs
# simpledrm
. ./lib.sh
facts() { host_state | grep --invert-match --extended-regexp '^(vtcon|framebuffer)'; }
before=$(facts)
host_state | grep --extended-regexp '^(vtcon|framebuffer)'
expect_driver none "$boot_display"
grep --extended-regexp 'vesafb|efifb|BOOTFB|simple' /proc/iomem
[ ! -e /proc/fb ] || expect_match "the frame buffer" '(VESA|EFI) VGA|simple' "$(</proc/fb)"
define_guest gamer "$boot_display"

qemu-hook --check gamer | tee told
expect_match "--check" "$boot_display carries the host's console: .*frame buffer" "$(tr '\n' ' ' <told)"
qemu-hook --plan gamer | tee told
expect_match "--plan" 'unbind the text console vtcon' "$(<told)"
expect_match "--plan" 'unbind [a-z]+-framebuffer\.0' "$(<told)"

for cycle in 1 2; do
    step "cycle $cycle"
    start_guest gamer
    expect_running gamer
    expect_driver vfio-pci "$boot_display"
    expect_eq "memory of the firmware's frame buffer" '' "$(grep --extended-regexp '(vesa|efi)fb' /proc/iomem || true)"
    destroy_guest gamer
    expect_driver none "$boot_display"
    expect_same_state "$before" facts
    expect_eq "what is left" '' "$(find "$run_folder" -mindepth 1 ! -name trial)"
done
expect_match "the log" 'framebuffer\.0 comes back only at the next boot' "$(hook_log)"
