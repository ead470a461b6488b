# shellcheck shell=bash source=../lib.sh
# --setup --all, names that an orchestrator makes up, defaults without confs, --prune; hostile names, evaluated.
. ./lib.sh
before=$(host_state)
host_conf=/etc/libvirt/qemu-hook/host.toml
cp "$host_conf" host.toml.before
# shellcheck disable=SC2016 # just so
names=("it's" '$(touch pwned)' 'a;b "c"' "';touch pwned;'" '*')

step "--setup --all"
for name in "${names[@]}"; do define_guest "$name" "$nic"; done
define_guest plain
qemu-hook --setup --all
expect_eq "confs" "${#names[@]}" "$(find "$confs" -name '*.toml' | wc -l)"

step "hostile names through eval"
for shell in dash bash; do
    # shellcheck disable=SC2016 # the other shell expands it
    answer=$("$shell" -c 'eval "$(qemu-hook --query all --device 0000:02:00.0 --format sh)"
        printf "%s\n" "$guest_name_by_pci_id"; [ ! -e pwned ]')
    printf '%s\n' "$answer"
    expect_eq "names in $shell" "$(printf '%s\n' "${names[@]}" | sort)" "$(sort <<<"$answer")"
done

step "--prune"
virsh --quiet undefine '*'
expect_eq "pruned" '%2A.toml' "$(qemu-hook --prune --dry-run | sed -n 's,.*/,,p')"
qemu-hook --prune
[ ! -e "$confs/%2A.toml" ] || fail "the conf is still there"
[ -s "$confs/%2A.toml.pruned" ] || fail "there is no backup"
rm -f "$confs/%2A.toml.pruned"
expect_match "a second --prune" 'belongs to a guest' "$(qemu-hook --prune)"

step "a guest that nobody has set up, on a host without confs"
remove_guests
printf 'write_confs = false\n[defaults]\nreset = "auto"\n' >"$host_conf"
define_guest instance-0000002a "$edu"
start_guest instance-0000002a
expect_driver vfio-pci "$edu"
destroy_guest instance-0000002a
cp host.toml.before "$host_conf"
expect_same_state "$before"
expect_eq "confs" "" "$(find "$confs" -name '*.toml')"
