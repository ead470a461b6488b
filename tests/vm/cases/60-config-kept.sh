# shellcheck shell=bash source=../lib.sh
# A function whose configuration space nobody can read, as in the middle of a reset. A start is refused before libvirt and
# QEMU touch the function; a hand-over that meets it half-way, and a way back, come to an end.
# limit: 600
. ./lib.sh
short_deadlines
modprobe qh_stuck edu=1 let_go=1
before=$(host_state)
define_guest held "$nic"
define_guest half "$nic" "$edu"
define_guest other "${card[@]}"

step "a start"
keep_lock config "$nic"
in_time 30 qemu-hook --check held >told || true
cat told
expect_match "--check" "$nic" "$(<told)"
expect_refused timeout 60 virsh start held
expect_match "what virsh says" "qemu-hook: .*$nic: .*configuration space" "$output"
expect_driver e1000e "$nic"
expect_others_work other
let_go_of_lock
expect_same_state "$before"

step "in the middle of a start"
fail_late half keep_lock config "$nic"
expect_others_work other
let_go_of_lock
wait_until 20 "the unbind's end" eval '! is_unbound_for half'
in_time 30 qemu-hook --reattach half
expect_same_state "$before"

# libvirt reads the configuration space of an ended guest's devices itself, before it calls the hook. So by hand.
step "on the way back"
qemu-hook --detach held
keep_lock config "$nic"
in_time 60 qemu-hook --reattach held || true
expect_others_work other
let_go_of_lock
in_time 60 qemu-hook --reattach held
expect_same_state "$before"
