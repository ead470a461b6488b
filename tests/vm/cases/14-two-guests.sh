# shellcheck shell=bash source=../lib.sh
# Two guests want one device: the second is told who has it, and since when; the first notices nothing.
. ./lib.sh
before=$(host_state)
define_guest first managed=no "$nic"
define_guest second managed=no "$edu" "$nic"

start_guest first
during=$(host_state)
expect_refusal second claim "$nic: the running guest 'first' has had it since"
expect_match "who has it" '\bfirst\b' "${output//Failed to start/}"
expect_match "since when" 'since.*[0-9]{2}:[0-9]{2}' "$output"
expect_running first
expect_same_state "$during"

destroy_guest first
expect_same_state "$before"
