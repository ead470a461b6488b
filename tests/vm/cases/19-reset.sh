# shellcheck shell=bash source=../lib.sh
# The reset that the conf asks for is done between QEMU and the host driver, and what was reset comes back.
# long
. ./lib.sh
before=$(host_state)
define_guest cycled "$nic"
qemu-hook --setup cycled >/dev/null
methods=$(<"/sys/bus/pci/devices/$nic/reset_method")
echo "the NIC's methods: $methods"

wants_reset() { sed -i "/^reset *=/d; s/^identity.*/&\nreset = \"$1\"/" "$confs/cycled.toml"; }

life() { # RESET: one life of the guest with it; sets $log
    wants_reset "$1"
    hook_news >/dev/null
    start_guest cycled
    expect_driver vfio-pci "$nic"
    destroy_guest cycled
    log=$(hook_news)
    expect_same_state "$before"
    expect_eq "the methods afterwards" "$methods" "$(<"/sys/bus/pci/devices/$nic/reset_method")"
}

life "${methods%% *}"
expect_match "the log" "$nic: reset \\(${methods%% *}\\) \\([0-9]+ ms\\)" "$log"

# A guest that was destroyed did not shut its devices down.
life auto
expect_match "the log" "$nic: reset \\((flr|pm|device_specific|acpi)\\)" "$log"

# The NIC is alone on its bus.
life bus
expect_match "the log" "$nic: (reset \\(bus\\)|the reset \\(bus\\) failed: |no reset: the kernel has no bus)" "$log" # not every kernel has one for it

life remove-rescan
expect_match "the log" "$nic: reset \\(remove-rescan\\)" "$log"

life none
expect_no_match "the log" 'reset \(' "$log"

step "a device that another QEMU has by then is left alone"
wants_reset flr
qemu-hook --detach cycled
qemu-system-x86_64 -nodefaults -display none -machine q35 -m 64 -S -daemonize -pidfile "$scratch/pid" \
    -device "vfio-pci,host=$nic"
other=$(<"$scratch/pid")
hook_news >/dev/null
"$hook" cycled stopped end - </dev/null
log=$(hook_news)
expect_match "the log" "$nic: no reset: a process uses it" "$log"
kill "$other"
has_ended() { ! kill -0 "$other" 2>/dev/null; }
wait_until 60 "the end of the other QEMU" has_ended
qemu-hook --reattach cycled
expect_same_state "$before"
