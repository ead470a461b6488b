# shellcheck shell=bash source=../lib.sh
# The way without a reboot, as --setup names it: the reservation is written while Xorg has the card open, so it is not in force;
# the display manager stops, --setup puts it in force, the display manager starts again, and now Xorg leaves the card alone.
# suite: desktop
# limit: 900
. ./lib.sh
start_display_manager lightdm xterm
define_guest second "${card[@]}"
xorg=$(process_of Xorg)
qemu-hook --setup second --reserve | tee told
at_end qemu-hook --setup second --reserve=no
expect_match "--setup" 'next boot' "$(<told)"
expect_match "--setup" 'systemctl stop display-manager' "$(<told)"
expect_refusal second holders "^$display: is reserved from the next boot on; until then the desktop has it open: Xorg \\($xorg: "

step "the display manager is away"
systemctl stop display-manager.service
log_desk_out
qemu-hook --setup second | tee told
expect_no_match "--setup" 'next boot' "$(<told)"
systemctl start display-manager.service
wait_until 180 "desk's session" desk_is_in
wait_until 120 "the terminal" is_there xterm
beside_desktop 1 Xorg xterm
