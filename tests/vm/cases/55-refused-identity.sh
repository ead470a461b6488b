# shellcheck shell=bash source=../lib.sh
# After a change of hardware another card stands at the address: refused, with both cards and where the meant one is now;
# `--setup` takes the change over, and says so.
. ./lib.sh
define_guest moved "$nic"
qemu-hook --setup moved
# The conf of a time when the edu device stood where the network card is now.
define_guest edu "$edu"
meant=$(qemu-hook --check edu --json | sed -n 's/^ *"identity": "\(.*\)",$/\1/p')
[ -n "$meant" ] || fail "--check --json does not tell the identity"
sed -i "s/^identity\( *\)= \"[^\"]*\"/identity\1= \"$meant\"/" "$confs/moved.toml"
grep "^identity" "$confs/moved.toml"
expect_refusal moved identity "$nic: another card is at this address now: .*8086:10d3.*; the guest's conf expects .*${meant%% *}.*, which is now at $edu"

output=$(qemu-hook --setup moved)
expect_match "what --setup says" "accepted +$nic" "$output"
before=$(host_state)
start_guest moved
destroy_guest moved
expect_same_state "$before"
