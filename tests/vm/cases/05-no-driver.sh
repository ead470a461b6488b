# shellcheck shell=bash source=../lib.sh
# A device that no driver wants: it must end without a driver again.
. ./lib.sh
before=$(host_state)
define_guest bare managed=no "$edu"

start_guest bare
expect_running bare
expect_driver vfio-pci "$edu"
destroy_guest bare
expect_driver none "$edu"
expect_same_state "$before"
