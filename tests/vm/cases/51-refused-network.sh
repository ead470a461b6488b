# shellcheck shell=bash source=../lib.sh
# The interface that the host's default route goes by, and one in a bridge that is up; `allow_in_use` overrides it. One that had
# no driver and has been brought back by hand stays while the default route goes by it.
. ./lib.sh
interface=$(ls "/sys/bus/pci/devices/$nic/net")
put_back() {
    ip link del case-br 2>/dev/null
    ip route del default dev "$interface" 2>/dev/null
    ip link set "$interface" down 2>/dev/null
    [ "$(driver_of "$nic")" != none ] || echo "$nic" >/sys/bus/pci/drivers/e1000e/bind
}
at_end put_back
define_guest router "$nic"

step "the default route"
ip link set "$interface" up
ip route add default dev "$interface"
expect_refusal router network "$nic: .*$interface carries the default route"
ip route del default dev "$interface"

step "in a bridge that is up"
ip link add case-br type bridge
ip link set case-br up
ip link set "$interface" master case-br
expect_refusal router network "$nic: .*$interface is in the bridge case-br, which is up"

step "allowed"
sed -i 's/^# allow_in_use = false.*/allow_in_use = true/' "$confs/router.toml"
grep --quiet '^allow_in_use = true' "$confs/router.toml" || fail "the conf has no line to allow it: $(<"$confs/router.toml")"
qemu-hook --check router
start_guest router
expect_driver vfio-pci "$nic"
destroy_guest router
expect_driver e1000e "$nic"

step "without a driver, brought back by hand"
echo "$nic" >/sys/bus/pci/drivers/e1000e/unbind
bare=$(host_state)
qemu-hook --detach router
virsh --quiet nodedev-reattach "pci_${nic//[:.]/_}"
expect_driver e1000e "$nic"
wait_until 10 "the interface" test -e "/sys/class/net/$interface"
ip link set "$interface" up
ip route add default dev "$interface"
expect_refused qemu-hook --reattach router
expect_match "the message" "$nic: it had no driver before, and e1000e has taken it: .*$interface carries the default route" "$output"
expect_driver e1000e "$nic"
ip route del default dev "$interface"
qemu-hook --reattach router
expect_driver none "$nic"
expect_same_state "$bare"
