# shellcheck shell=bash source=../lib.sh
# managed='yes': libvirt would do it alone; with the hook the end is the same.
# every suite
# modular
# simpledrm
. ./lib.sh
before=$(host_state)
define_guest one managed=yes "$nic"

start_guest one
expect_running one
expect_driver vfio-pci "$nic"

destroy_guest one
expect_driver e1000e "$nic"
expect_same_state "$before"
