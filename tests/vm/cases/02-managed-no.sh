# shellcheck shell=bash source=../lib.sh
# managed='no': libvirt leaves the device to the hook, which takes it and gives it back.
# modular
. ./lib.sh
before=$(host_state)
define_guest one confined managed=no "$nic"

start_guest one
expect_running one
expect_driver vfio-pci "$nic"
expect_match "the conf" "\"$nic\"" "$(<"$confs/one.toml")"
[ -n "$(ls -A "$run_folder")" ] || fail "no journal while the guest runs"

destroy_guest one
expect_driver e1000e "$nic"
expect_same_state "$before"
expect_match "the log" "one.*$nic|$nic.*one" "$(hook_log)"
