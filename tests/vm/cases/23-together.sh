# shellcheck shell=bash source=../lib.sh
# Twenty at once: hooks and hands, shared devices and own ones. Each device has one owner, each loser is told who, nothing is lost.
# long
# limit: 600
# modular
. ./lib.sh
before=$(host_state)
cp /etc/libvirt/qemu-hook/host.toml "$scratch/host.toml"
printf '[deadlines]\nlock = 30\n' >/etc/libvirt/qemu-hook/host.toml
units=("$nic" "${card[*]}" "$edu") # what goes together

step "twenty prepares"
for i in {0..19}; do
    read -r -a unit <<<"${units[i % 3]}"
    guest_xml "g$i" "${unit[@]}" >"xml$i"
    define_guest "g$i" "${unit[@]}"
done
for i in {0..19}; do
    if ((i % 5 == 4)); then
        qemu-hook --detach "g$i" >"out$i" 2>&1 &
    else
        "$hook" "g$i" prepare begin - <"xml$i" >"out$i" 2>&1 &
    fi
    pids[i]=$!
done
winners=0
for i in {0..19}; do
    if wait "${pids[i]}"; then
        winners=$((winners + 1))
        echo "g$i has ${units[i % 3]}"
    else
        expect_match "what g$i is told" "(${units[i % 3]// /|}): .*guest 'g[0-9]+'" "$(<"out$i")"
    fi
done
expect_eq "winners" 3 "$winners"
expect_driver vfio-pci "$nic" "${card[@]}" "$edu"

step "twenty releases"
for i in {0..19}; do
    "$hook" "g$i" release end - <"xml$i" &
    pids[i]=$!
done
for i in {0..19}; do wait "${pids[i]}" || fail "g$i: release failed"; done
expect_same_state "$before"

step "six guests for real, three of them after one device"
for i in 0 1 2; do define_guest "r$i" "$nic"; done
define_guest r3 "${card[@]}"
define_guest r4 "$edu"
define_guest r5
for i in {0..5}; do
    timeout 200 virsh --quiet start "r$i" >"out$i" 2>&1 &
    pids[i]=$!
done
winners=0
for i in {0..5}; do
    if wait "${pids[i]}"; then
        ((i > 2)) || winners=$((winners + 1))
    else
        ((i < 3)) || fail "r$i: $(<"out$i")"
        expect_match "what r$i is told" "$nic: .*guest 'r[0-9]'" "$(<"out$i")"
    fi
done
expect_eq "owners of the one device" 1 "$winners"
for i in {0..5}; do virsh --quiet destroy "r$i" 2>/dev/null & done
wait
expect_same_state "$before"
cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml
