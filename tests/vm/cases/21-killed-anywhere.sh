# shellcheck shell=bash source=../lib.sh
# The hook killed (-9) at each of its journal's writes, in prepare and in release: whatever comes next brings the host back.
# limit: 900
. ./lib.sh
before=$(host_state)
guest_xml victim "$nic" "$edu" >xml

# die_at N COMMAND...: kills the command at its Nth fsync, fdatasync or unlink; 137 if it came to that.
die_at() {
    local n=$1 status=0
    shift
    strace -o /dev/null -e "trace=fsync,fdatasync,unlink" -e "inject=fsync,fdatasync,unlink:signal=KILL:when=$n" "$@" <xml || status=$?
    return "$status"
}
killed_at() {
    local status=0
    die_at "$@" || status=$?
    [ "$status" -eq 137 ] || [ "$status" -eq 0 ] || fail "exit status $status"
    [ "$status" -eq 137 ]
}
by_release() { "$hook" victim release end - <xml; }
by_hand() { qemu-hook --reattach victim; }
by_next_prepare() { "$hook" victim prepare begin - <xml && expect_driver vfio-pci "$nic" "$edu" && by_release; }
ways=(by_release by_hand by_next_prepare)

"$hook" victim prepare begin - <xml # writes the conf, so that what follows is alike
by_release
for ((n = 1; ; n++)); do
    killed_at "$n" "$hook" victim prepare begin - || break
    way=${ways[n % 3]}
    step "prepare killed at $n, $way: $(driver_of "$nic"), $(driver_of "$edu")"
    "$way"
    expect_same_state "$before"
done
[ "$n" -gt 6 ] || fail "prepare was over after $n writes"
by_release

for ((n = 1; ; n++)); do
    "$hook" victim prepare begin - <xml
    killed_at "$n" "$hook" victim release end - || break
    way=${ways[n % 3]}
    step "release killed at $n, $way: $(driver_of "$nic"), $(driver_of "$edu")"
    "$way"
    expect_same_state "$before"
done
[ "$n" -gt 4 ] || fail "release was over after $n writes"
expect_same_state "$before"
