# shellcheck shell=bash source=../lib.sh
# A process has a node of the card open, or mapped only; by its number, whatever the node's name; also in another mount
# namespace. When it ends, the guest starts. A holder that is soon gone is waited for.
. ./lib.sh
node=$(basename "$(echo /sys/bus/pci/devices/$display/drm/card*)")
define_guest gamer "${card[@]}"

step "open"
hold /dev/dri/"$node"
expect_refusal gamer holders "$display: the desktop has it open: sleep \\($holder: /dev/dri/$node\\)"
let_go

step "open by another name, in a mount namespace of its own"
mknod /dev/other c $((0x$(stat -c %t /dev/dri/"$node"))) $((0x$(stat -c %T /dev/dri/"$node")))
unshare --mount sh -c 'exec sleep infinity 9</dev/other' &
holder=$!
wait_until 20 "the other holder" is_sleep "$holder"
expect_refusal gamer holders "$display: the desktop has it open: sleep \\($holder: /dev/dri/$node\\)"
let_go
rm /dev/other

step "the sound card's control node"
control=$(basename "$(echo /sys/bus/pci/devices/$audio/sound/card*/controlC*)")
hold /dev/snd/"$control"
expect_refusal gamer holders "$audio: in use by sleep \\($holder: /dev/snd/$control\\)"
let_go

step "among 6,000 open files"
(ulimit -n 8192 && exec perl -e 'open $open[$_], "<", "/etc/passwd" for 1 .. 6000; sleep 600') &
many=$!
wait_until 20 "6,000 more open files" [ -e "/proc/$many/fd/6000" ]
hold /dev/dri/"$node"
expect_refusal gamer holders "$display: the desktop has it open: sleep \\($holder: /dev/dri/$node\\)"
let_go
kill "$many"

step "free: it starts"
before=$(host_state)
start_guest gamer
expect_driver vfio-pci "${card[@]}"
destroy_guest gamer
expect_same_state "$before"
