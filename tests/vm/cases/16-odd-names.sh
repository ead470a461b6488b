# shellcheck shell=bash source=../lib.sh
# Guests' names that a shell, a path or an XML parser could stumble over.
. ./lib.sh
before=$(host_state)
name="it's \"my\" <guest> & more"
define_guest "$name" managed=no "$edu"

start_guest "$name"
expect_driver vfio-pci "$edu"
destroy_guest "$name"
expect_same_state "$before"

define_guest '.hidden *' "$edu"
define_guest '-h' "$edu"
qemu-hook --setup '.hidden *'
qemu-hook --setup=-h
for conf in 'it%27s%20%22my%22%20%3Cguest%3E%20%26%20more.toml' '%2Ehidden%20%2A.toml' '-h.toml'; do
    [ -e "$confs/$conf" ] || fail "no conf $conf: $(ls -A "$confs")"
done
