# shellcheck shell=bash source=../lib.sh
# The NVMe controller as a <hostdev>.
. ./lib.sh
before=$(host_state)
define_guest store managed=no "$nvme"

start_guest store
expect_running store
expect_driver vfio-pci "$nvme"
destroy_guest store
expect_driver nvme "$nvme"
expect_same_state "$before"
