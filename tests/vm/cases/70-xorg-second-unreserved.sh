# shellcheck shell=bash source=../lib.sh
# A second card beside lightdm and Xorg, which opens every card of its seat: the start is refused, in two lines that name the
# session and the way out. PipeWire, which only watches the card's sound, is no reason. Neither notices anything.
# suite: desktop
. ./lib.sh
start_display_manager lightdm xterm
wait_until 120 "the sound card in the server's list" server_has_sound
expect_drawing before
processes=$(processes_of Xorg xterm pipewire wireplumber)
define_guest second "${card[@]}"

xorg=$(process_of Xorg)
expect_refusal second holders "^$display: the desktop has it open: Xorg \\($xorg: /dev/dri/card1\\), session [^ ]+ \\(desk on seat0, "
expect_match "the way out" 'qemu-hook --setup second --reserve' "$output"
expect_eq "lines about it" 2 "$(grep --count --extended-regexp "the desktop has it open|--reserve" <<<"$output")"
expect_no_match "virsh start" 'wireplumber|pipewire|logind' "$output"

expect_eq "the processes" "$processes" "$(processes_of Xorg xterm pipewire wireplumber)"
expect_drawing after
