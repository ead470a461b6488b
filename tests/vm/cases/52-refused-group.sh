# shellcheck shell=bash source=../lib.sh
# Half a card, the other half of its IOMMU group on host drivers: the group is printed. And a claim on the other half.
. ./lib.sh
define_guest half "$display" "$audio"
expect_refusal half group "$display: an IOMMU group can only go to a guest as a whole.*: $usb \\(xhci_hcd\\); the group is ${card[*]}"

step "with the other half on no driver it starts"
before=$(host_state)
echo "$usb" >"/sys/bus/pci/devices/$usb/driver/unbind"
define_guest other "$usb"
during=$(host_state)
start_guest half
step "and the rest of the group cannot go to another guest meanwhile"
expect_refusal other claim "it shares its IOMMU group with a device of this guest, and the running guest 'half' has had it since"
destroy_guest half
expect_same_state "$during"
echo "$usb" >/sys/bus/pci/drivers_probe
expect_same_state "$before"
