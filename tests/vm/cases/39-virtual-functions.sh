# shellcheck shell=bash source=../lib.sh
# limit: 600
# Virtual functions: handed over, reset and given back, while another guest has another function of the same card.
. ./lib.sh
device=/sys/bus/pci/devices/$physical
first=0000:04:00.1  # without a driver
second=0000:04:00.2 # on pci-stub: the nvme driver would not take it, an emulated function is offline at first
put_back() {
    echo 0 >"$device/sriov_numvfs"
    echo 1 >"$device/sriov_drivers_autoprobe"
    modprobe -r pci-stub
}
at_end put_back
modprobe pci-stub
echo 0 >"$device/sriov_drivers_autoprobe"
echo 2 >"$device/sriov_numvfs"
echo pci-stub >"/sys/bus/pci/devices/$second/driver_override"
echo "$second" >/sys/bus/pci/drivers_probe
expect_driver pci-stub "$second"
expect_eq "the vendor in $first's own configuration space" 65535 \
    "$(od --address-radix=n --format=u2 --read-bytes=2 "/sys/bus/pci/devices/$first/config" | tr -d ' ')"
before=$(host_state)

wants_reset() { # GUEST RESET
    sed -i "/^reset *=/d; s/^identity.*/&\nreset = \"$2\"/" "$confs/$1.toml"
}
end_guest() { # GUEST: sets $log
    hook_news >/dev/null
    destroy_guest "$1"
    log=$(hook_news)
    printf '%s\n' "$log"
    expect_no_match "the log" 'does not answer' "$log"
}

define_guest ann "$first"
define_guest bob managed=yes "$second"
for guest in ann bob; do qemu-hook --setup "$guest" >/dev/null; done

step "two lives of a guest with one function"
wants_reset ann flr
for _ in 1 2; do
    start_guest ann
    expect_driver vfio-pci "$first"
    end_guest ann
    expect_match "the log" "$first: reset \\(flr\\) \\([0-9]+ ms\\)" "$log"
    expect_same_state "$before"
done

step "two guests with one function each"
wants_reset bob auto
start_guest ann
start_guest bob
expect_driver vfio-pci "$first" "$second"
end_guest ann
expect_match "the log" "$first: reset \\(flr\\)" "$log"
expect_no_match "the log" "$second" "$log"
expect_driver none "$first"
expect_running bob
expect_driver vfio-pci "$second"

step "the first guest again, beside the second; then the second ends"
start_guest ann
expect_driver vfio-pci "$first"
end_guest bob
expect_match "the log" "$second: reset \\(flr\\)" "$log"
expect_running ann
expect_driver pci-stub "$second"
end_guest ann
expect_same_state "$before"

step "no reset that would take the function away"
wants_reset ann remove-rescan
start_guest ann
end_guest ann
expect_match "the log" "$first: no reset: .*virtual function" "$log"
expect_no_match "the log" "$first: reset \\(" "$log"
[ -e "/sys/bus/pci/devices/$first" ] || fail "$first is gone"
expect_same_state "$before"
