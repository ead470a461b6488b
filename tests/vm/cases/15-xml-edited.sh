# shellcheck shell=bash source=../lib.sh
# The XML changes between two starts: the conf follows, and what its owner has written in it stays.
. ./lib.sh
before=$(host_state)
conf=$confs/changing.toml

cycle() {
    define_guest changing managed=no "$@"
    start_guest changing
    expect_driver vfio-pci "$@"
    destroy_guest changing
    expect_same_state "$before"
}
devices_in_conf() { sed -n 's/^address *= *"\(.*\)".*/\1/p' "$conf" | sort | xargs; }

cycle "$nic"
expect_eq "the conf's devices" "$nic" "$(devices_in_conf)"
sed -i '1i # my remark, at the top' "$conf"
printf '\n# my remark, at the end\n' >>"$conf"
chmod 0640 "$conf"

cycle "$nic" "$edu"
expect_eq "the conf's devices" "$edu $nic" "$(devices_in_conf)"

cycle "$edu"
expect_eq "the conf's devices" "$edu" "$(devices_in_conf)"

expect_eq "the first line" '# my remark, at the top' "$(head -n 1 "$conf")"
expect_match "the conf" '^# my remark, at the end$' "$(<"$conf")"
expect_eq "the conf's mode" 640 "$(stat -c %a "$conf")"
