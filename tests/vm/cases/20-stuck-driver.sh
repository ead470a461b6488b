# shellcheck shell=bash source=../lib.sh
# A host driver that never lets go. The start fails within its deadline and says why; everything else works on at once;
# when the driver lets go at last, the device comes back. With vfio-pci loaded beforehand, and a program that has the device
# open, which must be named; and without either.
# limit: 600
# modular
. ./lib.sh
before=$(host_state)
mkdir -p /etc/libvirt/qemu-hook
cp /etc/libvirt/qemu-hook/host.toml "$scratch/host.toml"
# The program that holds the device is known beforehand, and the start is wanted all the same.
printf '[deadlines]\ndetach = 4\n[defaults]\nallow_in_use = true\n' >/etc/libvirt/qemu-hook/host.toml
define_guest stuck "$nic" "$edu"
define_guest other "${card[@]}"
define_guest plain

stuck_writer() { pgrep --full 'hooks/qemu stuck'; }

for vfio in loaded absent; do
    step "vfio-pci is $vfio beforehand"
    if [ "$vfio" = loaded ]; then modprobe vfio-pci; else modprobe -r vfio_pci; fi
    modprobe qh_stuck edu=1
    expect_driver qh_stuck "$edu"

    holder=''
    if [ "$vfio" = loaded ]; then
        wait_until 20 "the driver's node" test -c /dev/qh_stuck
        hold /dev/qh_stuck
    fi

    step "the start is refused"
    began=$SECONDS
    expect_refused virsh start stuck
    [ $((SECONDS - began)) -lt 40 ] || fail "it took $((SECONDS - began)) s"
    expect_match "what virsh says" "$edu: its host driver qh_stuck does not let go" "$output"
    if [ -n "$holder" ]; then
        expect_match "who has it" "in use by sleep \\($holder: /dev/qh_stuck\\)" "$output"
        expect_match "the hint" 'end what uses it' "$output"
    else
        expect_no_match "who has it" 'in use by' "$output"
    fi
    expect_driver e1000e "$nic" # everything else is undone
    wait_until 20 "the stuck writer" pgrep --runstates D --full 'hooks/qemu stuck'
    expect_eq "lines of the reason" 1 "$(grep -c 'qemu-hook: ' <<<"$output")"

    step "everything else works at once"
    timeout 20 virsh list --all
    timeout 60 virsh --quiet start plain
    timeout 60 virsh --quiet start other
    expect_driver vfio-pci "${card[@]}"
    timeout 60 virsh --quiet destroy other
    timeout 60 virsh --quiet destroy plain
    systemctl reset-failed "$daemon_name.service" 2>/dev/null || true
    # libvirtd gives its own threads 30 s to end; on a slow machine they are not through with the card's events.
    timeout 60 systemctl restart "$daemon_name.service" || fail "libvirtd cannot be restarted"
    timeout 60 virsh --quiet list
    expect_eq "those stuck" 1 "$(stuck_writer | wc -l)"

    step "it is reported"
    expect_match "--status" "STUCK: stuck: unbind $edu from qh_stuck" "$(timeout 20 qemu-hook --status)"
    expect_match "the log" "$edu: its host driver qh_stuck does not let go" "$(hook_log)"
    expect_refused timeout 20 virsh start stuck
    expect_match "what virsh says now" "$edu: qh_stuck still does not let go" "$output"
    expect_refused timeout 20 qemu-hook --reattach stuck
    expect_eq "those stuck" 1 "$(stuck_writer | wc -l)"

    step "it lets go"
    echo 1 >/sys/module/qh_stuck/parameters/let_go
    wait_until 20 "the writer's end" eval '! stuck_writer'
    qemu-hook --reattach stuck
    expect_driver qh_stuck "$edu"
    [ -z "$holder" ] || let_go
    wait_until 20 "the module's end" modprobe -r qh_stuck
    expect_same_state "$before"
done
cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml
