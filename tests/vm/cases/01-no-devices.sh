# shellcheck shell=bash source=../lib.sh
# A guest without host devices starts and ends as if there were no hook: no conf, no libvirt opened by the hook.
# every suite
# modular
. ./lib.sh
before=$(host_state)
define_guest plain confined

guest_xml plain >xml
step "every event of its life, by hand"
for event in 'prepare begin' 'start begin' 'started begin' 'stopped end' 'release end' 'reconnect begin' 'unheard-of begin'; do
    # shellcheck disable=SC2086 # two words
    strace -f -e trace=openat,open,connect,execve,mkdir,mkdirat -o trace "$hook" plain $event - <xml >out 2>err ||
        fail "$event: exit status $?: $(<err)"
    expect_eq "stdout of $event" '' "$(<out)"
    expect_eq "stderr of $event" '' "$(<err)"
    expect_no_match "what $event opens" 'libvirt\.so|etc/libvirt/qemu-hook|libvirt-sock|O_CREAT|mkdir' "$(<trace)"
    expect_eq "programs that $event runs" 1 "$(grep -c 'execve(' trace)"
done

start_guest plain
expect_running plain
destroy_guest plain
[ ! -e "$confs/plain.toml" ] || fail "a conf was written"
expect_same_state "$before"
