# shellcheck shell=bash source=../lib.sh
# A start that fails after the hook has handed the devices over: everything back, whoever has to do it.
# modular
. ./lib.sh
before=$(host_state)

failing_start() { # ITEM...
    step "$*"
    define_guest hapless "$@" "$nic" "${card[@]}"
    expect_refused virsh start hapless
    expect_no_match "whose failure it is" 'Hook script' "$output"
    guest_is hapless 'shut off' || fail "the guest is there"
    expect_same_state "$before"
}

# Found out by libvirt before it starts QEMU, and by QEMU.
failing_start managed=no disk=/nonexistent/disk.img
failing_start managed=yes argument=-no-such-option
