# shellcheck shell=bash source=../lib.sh
# The lock of all text consoles, kept for ever by somebody, as a console does whose unbind hangs. The guest with the boot
# display fails to start in time, and ends in time.
# limit: 900
# long
. ./lib.sh
short_deadlines 'holders = 10' 'display_manager = 20'
modprobe qh_stuck edu=1 let_go=1
start_desktop
before=$(desktop_state)
define_guest gamer "$boot_display"
define_guest half "$boot_display" "$edu"
define_guest other "$nic"

step "a start"
keep_lock console
expect_refused timeout 120 virsh start gamer
expect_match "what virsh says" "qemu-hook: .*console" "$output"
expect_others_work other
let_go_of_lock
in_time 60 qemu-hook --reattach gamer
expect_desktop "$before"

step "in the middle of a start"
fail_late half keep_lock console
expect_others_work other
let_go_of_lock
wait_until 20 "the unbind's end" eval '! is_unbound_for half'
in_time 60 qemu-hook --reattach half
expect_desktop "$before"

step "an end"
start_guest gamer
keep_lock console
in_time 120 virsh destroy gamer
expect_others_work other
let_go_of_lock
in_time 60 qemu-hook --reattach gamer
expect_desktop "$before"
