# shellcheck shell=bash source=../lib.sh
# The host boots, and libvirtd starts a guest with a device by itself, before it answers anybody: the hook is not answered
# either, finds that out in seconds and does its work through sysfs. The end of the guest is as ever.
# modular
. ./lib.sh
facts() { host_state | grep --invert-match '^module'; }

kept=/root/before-reboot
if [ ! -e "$kept" ]; then
    facts >"$kept"
    define_guest early managed=no "$nic"
    virsh --quiet autostart early
    reboot_and_go_on
fi
before=$(<"$kept")
rm "$kept"
wait_until 120 "the guest to run" guest_is early running
expect_driver vfio-pci "$nic"
hook_news # with libvirt before 11.2: "connecting to libvirt: not finished after 3.0 s; using sysfs"

destroy_guest early
expect_same_state "$before" facts
