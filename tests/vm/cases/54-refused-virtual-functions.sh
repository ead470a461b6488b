# shellcheck shell=bash source=../lib.sh
# A physical function with virtual functions enabled.
. ./lib.sh
device=/sys/bus/pci/devices/$physical
before=$(host_state)
put_back() {
    echo 0 >"$device/sriov_numvfs"
    echo 1 >"$device/sriov_drivers_autoprobe"
}
at_end put_back
# Not for the host's driver: an emulated virtual function is offline until its physical one says otherwise.
echo 0 >"$device/sriov_drivers_autoprobe"
echo 2 >"$device/sriov_numvfs"
define_guest disks "$physical"
expect_refusal disks SR-IOV "$physical: it has virtual functions, which would disappear: 0000:04:00.1, 0000:04:00.2"

echo 0 >"$device/sriov_numvfs"
echo 1 >"$device/sriov_drivers_autoprobe"
step "without them it starts"
start_guest disks
expect_driver vfio-pci "$physical"
destroy_guest disks
expect_same_state "$before"
