#!/bin/bash
# The SELinux module: compiled with policies, and asked what it adds to them. No kernel with SELinux is needed, and nothing
# outside of a temporary folder is touched.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
module=install/selinux/qemu_hook.cil
core=tests/data/selinux/core.cil
fedora=tests/data/selinux/fedora.cil
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
passed=0

fail() {
    printf 'FAILED: %s\n' "$1" >&2
    exit 1
}

is() { # WHAT WANTED GOT
    [ "$2" = "$3" ] || fail "$1:"$'\n'"$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3"))"
    passed=$((passed + 1))
}

policy() { # NAME FILE...: compiles a policy and its file contexts
    local name=$1
    shift
    secilc -M true -o "$work/$name" -f "$work/$name.contexts" "$@" || fail "secilc does not compile $*"
}

same_with_module() { # WHAT FILE...: the module changes nothing of this policy
    policy without "${@:2}"
    policy with "${@:2}" $module
    cmp "$work/without" "$work/with" || fail "$1"
    cmp "$work/without.contexts" "$work/with.contexts" || fail "$1: it labels files"
    passed=$((passed + 1))
}

transitions() { sesearch --type_trans --source virtqemud_t "$work/$1"; }
way_in='type_transition virtqemud_t qemu_hook_exec_t:process virt_hook_unconfined_t;'

# --- all that it adds to Fedora's policy ------------------------------------------------------------------------------

policy without $core $fedora
policy with $core $fedora $module
is "what the module adds" "Allow Rules (9 Added, 0 Removed, 0 Modified)
allow qemu_hook_exec_t fs_t:filesystem associate;
allow setfiles_t qemu_hook_exec_t:file relabelto;
allow virt_hook_unconfined_t qemu_hook_exec_t:file { entrypoint execute getattr map open read };
allow virt_hook_unconfined_t virtqemud_t:fd use;
allow virt_hook_unconfined_t virtqemud_t:fifo_file { append getattr ioctl read write };
allow virt_hook_unconfined_t virtqemud_t:process sigchld;
allow virtd_t qemu_hook_exec_t:file { execute execute_no_trans getattr map open read };
allow virtqemud_t qemu_hook_exec_t:file { execute getattr map open read };
allow virtqemud_t virt_hook_unconfined_t:process transition;
Type_transition Rules (1 Added, 0 Removed, 0 Modified)
$way_in" \
    "$(sediff --allow --type_trans "$work/without" "$work/with" |
        grep -vE '^ *(Added .*)?$' | sed 's/^ *+ //')"
is "nothing else is new" "Booleans (0 Added, 0 Removed, 0 Modified)
Types (1 Added, 0 Removed, 0 Modified)" \
    "$(sediff --type --bool --stats "$work/without" "$work/with" | grep -E '^(Types|Booleans) ')"
is "another program of virtqemud's stays in its domain" "" \
    "$(sesearch --type_trans --source virtqemud_t --target bin_t "$work/with")"
is "the other daemons may not execute it" "" \
    "$(sesearch --allow --source virt_driver_domain --target qemu_hook_exec_t --perms execute "$work/with" |
        grep -v '^allow virtqemud_t ' || true)"
is "hooks of virtnetworkd: the boolean decides as before" \
    "type_transition virtnetworkd_t virt_hook_t:process virt_hook_unconfined_t; [ virt_hooks_unconfined ]:True" \
    "$(sesearch --type_trans --source virtnetworkd_t "$work/with")"
is "the boolean stays off" "   bool virt_hooks_unconfined false;" \
    "$(seinfo --bool virt_hooks_unconfined --expand "$work/with" | grep bool)"

# --- in a policy that lacks a type ------------------------------------------------------------------------------------

for name in virtqemud_t virt_hook_unconfined_t file_type; do
    sed "s/\b$name\b/other_name/g" $core $fedora >"$work/lacks.cil"
    same_with_module "the module does something without $name" "$work/lacks.cil"
done
for name in virtd_t virt_driver_domain exec_type non_security_file_type; do
    sed "s/\b$name\b/other_name/g" $core $fedora >"$work/lacks.cil"
    policy with "$work/lacks.cil" $module
    is "the way in without $name" "$way_in" "$(transitions with)"
done

# --- loaded and unloaded by semodule, as the installer does it --------------------------------------------------------

store=$work/store
mkdir -p "$store"/etc/selinux/test/{policy,contexts/files} "$store/var/lib/selinux/test"
semodule_in_store() {
    semodule --path "$store" --store test --noreload "$@" >"$work/said" 2>&1 || fail "semodule $*: $(cat "$work/said")"
}
label() { # PATH
    selabel_lookup -b file -f "$store/etc/selinux/test/contexts/files/file_contexts" -k "$1" -t file |
        sed 's/.*:object_r:\(.*\):s0$/\1/'
}
semodule_in_store -i $core -i $fedora
is "the label without the module" bin_t "$(label /usr/sbin/qemu-hook)"
semodule_in_store -i $module
for folder in /usr/sbin /usr/bin /usr/local/sbin /usr/local/bin; do
    is "the program's label in $folder" qemu_hook_exec_t "$(label $folder/qemu-hook)"
done
is "the label of another program" bin_t "$(label /usr/sbin/qemu-hook-other)"
is "the label of the hooks folder" virt_hook_t "$(label /etc/libvirt/hooks)"
semodule_in_store -r qemu_hook
is "the label without the module again" bin_t "$(label /usr/sbin/qemu-hook)"

# --- Debian's policy, which knows neither hooks nor virtqemud ---------------------------------------------------------

(cd "$work" && apt-get download selinux-policy-default && dpkg-deb --extract selinux-policy-default_*.deb debian) \
    >"$work/said" 2>&1 || fail "Debian's selinux-policy-default cannot be had: $(cat "$work/said")"
mkdir "$work/modules"
for file in "$work"/debian/usr/share/selinux/default/*.pp.bz2; do
    bzcat "$file" | /usr/libexec/selinux/hll/pp >"$work/modules/$(basename "$file" .pp.bz2).cil"
done
same_with_module "the module does something in Debian's policy" "$work"/modules/*.cil

printf '%d passed, 0 failed\n' $passed
