# shellcheck shell=bash source=../lib.sh
# No display manager: somebody has logged in at a terminal and started the desktop by hand, or nobody has. The session
# ends; what nothing on the host starts by itself is not started afterwards; the consoles are as before.
. ./lib.sh
before=$(host_state)
define_guest gamer "$boot_display"

step "somebody sits there"
log_in "$boot_display"
qemu-hook --plan gamer | tee told
expect_no_match "--plan" 'display manager' "$(<told)"
expect_match "--plan" 'end the sessions that hold the card' "$(<told)"
start_guest gamer
expect_driver vfio-pci "$boot_display"
expect_eq "sessions on the seat" 0 "$(seat_sessions)"
is_kept_awake || fail "nothing keeps the host from sleeping"
destroy_guest gamer
expect_driver bochs-drm "$boot_display"
expect_same_state "$before"
expect_eq "sessions on the seat" 0 "$(seat_sessions)"

step "somebody comes back, and QEMU refuses"
log_in "$boot_display"
define_guest gamer "$boot_display" argument=-no-such-option
expect_refused virsh start gamer
expect_driver bochs-drm "$boot_display"
expect_same_state "$before"

step "nobody sits there"
define_guest gamer "$boot_display"
start_guest gamer
expect_driver vfio-pci "$boot_display"
destroy_guest gamer
expect_same_state "$before"
wait_until 20 "the host to be allowed to sleep" may_sleep
