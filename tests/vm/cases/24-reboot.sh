# shellcheck shell=bash source=../lib.sh
# The host boots, and libvirtd starts a guest with a device by itself, before it answers anybody: the hook is not answered
# either, finds that out in seconds and does its work through sysfs. The end of the guest is as ever.
. ./lib.sh
facts() { host_state | grep --invert-match '^module'; }

kept=/root/before-reboot
if [ ! -e "$kept" ]; then
    facts >"$kept"
    define_guest early unconfined managed=no "$nic"
    virsh --quiet autostart early
    reboot_and_go_on
fi
before=$(<"$kept")
rm "$kept"
wait_until 120 "the guest to run" guest_is early running
expect_driver vfio-pci "$nic"
expect_match "the log" 'early: .*no end after .*using sysfs' "$(journalctl --boot -t qemu-hook)"

destroy_guest early
now=$(facts)
[ "$now" = "$before" ] || { diff <(echo "$before") <(echo "$now") || true; fail "the host is not as it was"; }
