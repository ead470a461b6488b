# shellcheck shell=bash source=../lib.sh
# The hook killed (-9) at each of its journal's writes, in prepare and in release: whatever comes next brings the host back.
# limit: 900
# modular
. ./lib.sh
before=$(host_state)
guest_xml victim "$nic" "$edu" >xml

# killed_at CALL N COMMAND...: the command is killed at its Nth CALL. False: it was over before.
killed_at() {
    local call=$1 n=$2 status=0
    shift 2
    strace -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" "$@" <xml 2>err || status=$?
    [ "$status" -eq 137 ] || [ "$status" -eq 0 ] || fail "exit status $status: $(<err)"
    [ "$status" -eq 137 ]
}
by_release() { "$hook" victim release end - <xml; }
by_hand() { qemu-hook --reattach victim; }
by_next_prepare() {
    "$hook" victim prepare begin - <xml
    expect_driver vfio-pci "$nic" "$edu"
    by_release
}
ways=(by_release by_hand by_next_prepare)

kills=0
bring_back() { # WHAT
    local way=${ways[kills % 3]}
    kills=$((kills + 1))
    step "$1, $way: $(driver_of "$nic"), $(driver_of "$edu")"
    "$way"
    expect_same_state "$before"
}

"$hook" victim prepare begin - <xml # writes the conf, so that what follows is alike
by_release
for call in fsync fdatasync; do # the journal is made, each step is begun
    for ((n = 1; ; n++)); do
        killed_at "$call" "$n" "$hook" victim prepare begin - || break
        bring_back "prepare killed at $call $n"
    done
    by_release
done
[ "$kills" -ge 6 ] || fail "prepare was killed at only $kills writes"

for call in fdatasync unlink; do # each step is undone, the journal goes
    for ((n = 1; ; n++)); do
        "$hook" victim prepare begin - <xml
        killed_at "$call" "$n" "$hook" victim release end - || break
        bring_back "release killed at $call $n"
    done
done
[ "$kills" -ge 11 ] || fail "release was killed at only $((kills - 6)) writes"
expect_same_state "$before"
[ ! -e "$run_folder/.new" ] || fail "a journal that was never whole is still there after a start"
