# shellcheck shell=bash source=../lib.sh
# The picker on a terminal puts the whole card into a guest without devices; the guest starts with it; --remove takes it
# out. What cannot go whole does not go at all.
. ./lib.sh
before=$(host_state)
define_guest fresh
hostdevs() { virsh dumpxml --inactive fresh | grep -c '<hostdev' || true; }

# on_terminal INPUT COMMAND...: script gives it a terminal, and what it shows comes back.
on_terminal() {
    local input=$1
    shift
    printf '%b' "$input" | script --quiet --return --command "$*" /dev/null
}

step "the picker, and nothing chosen"
shown=$(on_terminal '\n' qemu-hook --setup fresh)
printf '%s\n' "$shown"
number=$(sed -n "s/^ *\([0-9]*\)  $display .*/\1/p" <<<"$shown")
expect_match "the card's number" '^[0-9]+$' "$number"
expect_eq "devices of the guest" 0 "$(hostdevs)"

step "what the host lives on must stay"
expect_match "the root disk" 'must stay: 0000:00:06.0: the host needs a disk on it: .*vda is mounted on' \
    "$(tr -d '\r' <<<"$shown" | xargs -d '\n' | tr -s ' ')"

step "--devices: what the picker knows"
devices=$(qemu-hook --devices)
printf '%s\n' "$devices"
expect_match "the root disk" '0000:00:06.0 .* no: storage' "$devices"
expect_match "the details" "A guest could have it now" "$(qemu-hook --devices "$display")"

step "the card, number $number"
on_terminal "$number\n" qemu-hook --setup fresh
expect_eq "devices of the guest" 3 "$(hostdevs)"
for address in "${card[@]}"; do
    expect_match "the conf" "^address *= *\"$address\"" "$(<"$confs/fresh.toml")"
done
start_guest fresh
expect_driver vfio-pci "${card[@]}"

step "--query"
qemu-hook --query all fresh
expect_eq "guest_devices" "${card[*]}" "$(qemu-hook --query guest_devices fresh | xargs)"
expect_eq "guest_name_by_pci_id" fresh "$(qemu-hook --query guest_name_by_pci_id --device pci_0000_01_00_1)"
destroy_guest fresh
expect_same_state "$before"

step "--remove"
qemu-hook --setup fresh --remove "${card[@]}"
expect_eq "devices of the guest" 0 "$(hostdevs)"
expect_no_match "the conf" '^address' "$(<"$confs/fresh.toml")"

step "--add of a part that cannot be added: nothing is changed"
xml=$(virsh dumpxml --inactive fresh)
expect_refused qemu-hook --setup fresh --add "$nic" "$missing"
expect_match "the reason" "$missing: there is no such device" "$output"
expect_eq "the guest's XML" "$xml" "$(virsh dumpxml --inactive fresh)"

step "--dry-run, in virsh's own hands"
qemu-hook --setup fresh --dry-run --add "$nic" >nic.xml
virsh --quiet attach-device fresh nic.xml --config
expect_eq "devices of the guest" 1 "$(hostdevs)"
start_guest fresh
expect_driver vfio-pci "$nic"
destroy_guest fresh
expect_same_state "$before"
