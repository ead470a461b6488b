# shellcheck shell=bash source=../lib.sh
# qemu-hook on the command line: --setup, --detach, --reattach.
# modular
. ./lib.sh
before=$(host_state)
define_guest manual managed=no "$nic" "${card[@]}"

step "--setup"
qemu-hook --setup manual
for address in "$nic" "${card[@]}"; do
    expect_match "the conf" "^address *= *\"$address\"" "$(<"$confs/manual.toml")"
done
expect_match "the conf" '^identity *= *"8086:10d3 ' "$(<"$confs/manual.toml")"
conf=$(<"$confs/manual.toml")
expect_match "--setup --json" '"guest": *"manual"' "$(qemu-hook --setup manual --json | tr -d '\n')"
expect_eq "the conf after a second --setup" "$conf" "$(<"$confs/manual.toml")"
expect_refused qemu-hook --setup nobody
expect_match "the message" nobody "$output"

step "--detach"
qemu-hook --detach manual
expect_driver vfio-pci "$nic" "${card[@]}"

step "--reattach"
qemu-hook --reattach manual
expect_driver e1000e "$nic"
expect_same_state "$before"

step "--reattach with nothing to do"
qemu-hook --reattach manual
expect_same_state "$before"
