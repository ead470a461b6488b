# shellcheck shell=bash source=../lib.sh
# A start that fails: before the desktop is gone it does not notice; afterwards it comes back by itself, with the reason
# in the log.
# limit: 900
# long
. ./lib.sh
mkdir -p /etc/libvirt/qemu-hook
cp /etc/libvirt/qemu-hook/host.toml "$scratch/host.toml"
put_back() { cp "$scratch/host.toml" /etc/libvirt/qemu-hook/host.toml; }
at_end put_back
printf '[deadlines]\nholders = 6\n' >/etc/libvirt/qemu-hook/host.toml
start_desktop
before=$(desktop_state)
define_guest broken "$boot_display" argument=-no-such-option
run_of_manager() { systemctl show --property=InvocationID --value stand-in.service; }
node=/dev/dri/by-path/pci-$boot_display-card

step "a service holds the card, and will not go with the desktop"
run=$(run_of_manager)
systemd-run --quiet --collect --unit=hog bash -c "exec 3<>$node; exec sleep infinity"
hogs() { [ "$(desktop_holders)" -ge 4 ]; }
wait_until 20 "the service to hold it" hogs
expect_refused virsh start broken
expect_match "what virsh says" 'hog\.service\) has /dev/dri/card[0-9] open, and does not end with the desktop' "$output"
expect_eq "the run of the display manager" "$run" "$(run_of_manager)"
systemctl stop hog.service
expect_desktop "$before"

step "a program takes the card when the desktop has gone"
manager=$(systemctl show --property=MainPID --value stand-in.service)
systemd-run --quiet --collect --unit=late bash -c \
    "tail --follow --pid=$manager --sleep-interval=0.02 /dev/null; exec 3<>$node; exec sleep infinity"
expect_refused virsh start broken
expect_match "what virsh says" 'is still held: [a-z]+ \(process [0-9]+\) has /dev/dri/card' "$output"
[ "$run" != "$(run_of_manager)" ] || fail "the desktop was never stopped"
expect_match "the log" 'is still held: .* has /dev/dri/card' "$(hook_log)"
systemctl stop late.service
expect_desktop "$before"
wait_until 20 "the host to be allowed to sleep" may_sleep

step "QEMU refuses"
run=$(run_of_manager)
expect_refused virsh start broken
expect_match "what virsh says" 'no-such-option' "$output"
[ "$run" != "$(run_of_manager)" ] || fail "the desktop was never stopped"
expect_desktop "$before"
wait_until 20 "the host to be allowed to sleep" may_sleep

step "the hook is killed when the desktop is gone"
guest_xml broken "$boot_display" >xml
for write in 7 9; do # before and after the card's driver is unbound
    strace -o /dev/null -e trace=fdatasync -e inject=fdatasync:signal=KILL:when=$write \
        "$hook" broken prepare begin - <xml || true
    expect_eq "the display manager" inactive "$(systemctl is-active display-manager.service || true)"
    driver=$(basename "$(readlink "/sys/bus/pci/devices/$boot_display/driver" || true)")
    case $write:$driver in 7:bochs-drm | 9: | 9:vfio-pci) ;; *) fail "killed at write $write, the card's driver is '$driver'" ;; esac
    qemu-hook --reattach broken
    expect_desktop "$before"
    wait_until 20 "the host to be allowed to sleep" may_sleep
done
