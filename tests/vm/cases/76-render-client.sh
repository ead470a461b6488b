# shellcheck shell=bash source=../lib.sh
# A program of the person at the screen has the second card's render node open, as one does that computes on it: named, with
# what to close, and it lives on.
# suite: desktop
. ./lib.sh
log_in_at_console
define_guest second "${card[@]}"
wait_until 120 "the sound card in the server's list" server_has_sound
node=$(screens_of "$display" | grep render)
# shellcheck disable=SC2016 # expanded by the inner shell
as_desk systemd-run --user --scope --quiet bash -c 'exec sleep infinity 9<>"$0"' "$node" &
has_node() { program=$(pgrep --uid desk --exact sleep); }
wait_until 20 "the program" has_node

expect_refusal second holders "$display: programs compute or draw on it: .*sleep \\($program: $node\\)"
expect_match "the way out" 'close sleep' "$output"
[ -e "/proc/$program" ] || fail "the program is gone"
kill "$program"

before=$(host_state)
start_guest second
expect_driver vfio-pci "${card[@]}"
destroy_guest second
expect_same_state "$before"
