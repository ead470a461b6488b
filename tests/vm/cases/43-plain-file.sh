# shellcheck shell=bash source=../lib.sh
# The program itself as libvirt's hook, no link to it: AppArmor runs it inside libvirtd's own profile. What that allows works;
# long
# what it hides or denies refuses the start before anything is touched, and --check says so.
# limit: 1800
. ./lib.sh
# 99-apparmor looks away meanwhile.
echo 'denials are wanted' >/dev/kmsg
no_more_denials() { echo 'denials are wanted no more' >/dev/kmsg; }
link=$(readlink "$hook")
put_link_back() {
    ln --symbolic --force --no-dereference "$link" "$hook"
    systemctl kill --signal=HUP libvirtd.service
}
at_end put_link_back
at_end no_more_denials
cp --remove-destination "$(readlink -f "$hook")" "$hook"
systemctl kill --signal=HUP libvirtd.service
profile=/etc/apparmor.d/usr.sbin.libvirtd
# Whoever may look at others' mappings is asked for this right first, and then for CAP_SYS_ADMIN, which the profile allows
# (checkpoint_restore_ns_capable in include/linux/capability.h): denied, and without effect.
denials() {
    journalctl --quiet -o cat _TRANSPORT=kernel --since="$case_began" --grep='apparmor="DENIED"' |
        grep --invert-match 'capname="checkpoint_restore"' || true
}

step "--check of the host finds it"
qemu-hook --check | tee told || true
expect_match "--check" "$hook is the program itself, not a link to it, so AppArmor confines it with the profile libvirtd" "$(<told)"

step "a network card, an NVMe disk, a second card"
before=$(host_state)
define_guest plain-nic "$nic"
define_guest plain-store "nvme=$nvme"
define_guest plain-card "${card[@]}"
for guest in plain-nic plain-store plain-card; do
    qemu-hook --check "$guest"
    start_guest "$guest"
    expect_running "$guest"
    case $guest in
        plain-nic) expect_driver vfio-pci "$nic" ;;
        plain-store) expect_driver vfio-pci "$nvme" ;;
        plain-card) expect_driver vfio-pci "${card[@]}" ;;
    esac
    destroy_guest "$guest"
    expect_same_state "$before"
done

step "the card with the screen: nothing that it needs is denied either"
start_desktop
with_desktop=$(desktop_state)
define_guest plain-screen "$boot_display"
qemu-hook --check plain-screen
start_guest plain-screen
expect_running plain-screen
expect_driver vfio-pci "$boot_display"
expect_eq "the display manager" inactive "$(systemctl is-active display-manager.service || true)"
is_kept_awake || fail "nothing keeps the host from sleeping"
destroy_guest plain-screen
expect_desktop "$with_desktop"
expect_eq "denials so far" '' "$(denials)"

step "systemctl is denied"
printf 'deny /{usr/,}bin/systemctl x,\n' >/etc/apparmor.d/local/usr.sbin.libvirtd
allow_again() {
    : >/etc/apparmor.d/local/usr.sbin.libvirtd
    apparmor_parser --replace "$profile"
}
at_end allow_again
apparmor_parser --replace "$profile"
expect_refusal plain-screen answers 'systemctl could not be executed: the AppArmor profile libvirtd denies it'
expect_match "the hint" 'install/install\.sh' "$output"
expect_desktop "$with_desktop"
stop_desktop

step "a process with a profile of its own is hidden"
printf 'profile vm-hidden { /** rwmlkix, signal, }\n' | apparmor_parser --replace
aa-exec --profile=vm-hidden -- sleep infinity &
hidden=$!
is_hidden() { [ "$(<"/proc/$hidden/attr/current")" = 'vm-hidden (enforce)' ]; }
wait_until 60 "the hidden process" is_hidden
wait_until 60 "the hidden process" is_sleep "$hidden"
expect_refusal plain-card holders "profile libvirtd, which confines $hook, hides processes .*: .*sleep \\($hidden\\)"
expect_match "the hint" 'install/install\.sh' "$output"
step "by hand nothing is hidden"
qemu-hook --detach plain-card
expect_driver vfio-pci "${card[@]}"
qemu-hook --reattach plain-card
expect_same_state "$before"
step "a device without nodes, which nobody can have open, goes all the same"
define_guest plain-edu "$edu"
start_guest plain-edu
expect_driver vfio-pci "$edu"
destroy_guest plain-edu
expect_same_state "$before"
kill "$hidden"

step "the link again"
put_link_back
qemu-hook --check | tee told || true
expect_no_match "--check" 'apparmor' "$(<told)"
