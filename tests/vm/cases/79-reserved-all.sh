# shellcheck shell=bash source=../lib.sh
# `reserve = "all"`: no program of the person at the screen reaches the second card, by screen, sound or render node, before
# a guest has it and after. It counts from the next login on, and is taken back at once.
# suite: desktop
# limit: 1200
. ./lib.sh
log_in_at_console
define_guest second "${card[@]}"
wait_until 120 "the sound card in the server's list" server_has_sound
render_node() { screens_of "$display" | grep render; }
as_desk test -r "$(render_node)" || fail "desk cannot read the render node before"

step "while the sound server watches the card"
qemu-hook --setup second --reserve=all | tee told
at_end qemu-hook --setup second --reserve=no
expect_match "--setup" 'next boot' "$(<told)"
server_has_sound || fail "the sound server has lost the card"

step "put in force while desk is away"
leave_console
qemu-hook --setup second | tee told
expect_no_match "--setup" 'next boot' "$(<told)"
log_in_at_console
is_reserved() {
    wait_until 60 "the sound server without the card" server_has_no_sound
    ! as_desk test -r "$(render_node)" || fail "desk can read the render node"
    expect_eq "who has the card open" '' "$(holders_of /dev/dri/card1 "$(render_node)" /dev/snd/controlC0)"
}
wait_until 60 "the sound server" is_there wireplumber
is_reserved
qemu-hook --check second
processes=$(processes_of weston foot pipewire wireplumber)

before=$(host_state)
for cycle in 1 2; do
    step "cycle $cycle"
    start_guest second
    expect_driver vfio-pci "${card[@]}"
    destroy_guest second
    expect_driver virtio-pci "$display"
    expect_driver snd_hda_intel "$audio"
    is_reserved
    expect_same_state "$before"
done
expect_eq "the processes" "$processes" "$(processes_of weston foot pipewire wireplumber)"

step "taken back"
qemu-hook --setup second --reserve=no
wait_until 60 "the sound card in the server's list" server_has_sound
as_desk test -r "$(render_node)" || fail "desk cannot read the render node afterwards"
