# shellcheck shell=bash
# SELinux: the policy module that lets libvirt's daemon run the hook unconfined, and the labels. Sourced by install.sh
# and by packaged.

readonly policy=qemu_hook
readonly policy_file=/usr/share/qemu-hook/$policy.cil

has_selinux() {
    [ "$staging" = no ] && command -v selinuxenabled >/dev/null && selinuxenabled
}

modules() { semodule ${root:+"--path=$root"} "$@"; }

policy_is_loaded() {
    command -v semodule >/dev/null && modules --list-modules 2>/dev/null | grep -qx $policy
}

# Loading makes the whole policy anew, which takes a while.
policy_is_current() {
    local folder status=0
    policy_is_loaded || return
    folder=$(mktemp -d) || return
    (cd "$folder" && modules --cil --extract=$policy >/dev/null 2>&1 && cmp -s $policy.cil "$root$policy_file") ||
        status=$?
    rm -rf -- "$folder"
    return $status
}

load_policy() {
    has_selinux && [ -f "$root$policy_file" ] || return 0
    if ! command -v semodule >/dev/null; then
        note "semodule is missing, so SELinux may confine the hook: install policycoreutils and run this again"
    elif ! policy_is_current; then
        if modules --install="$root$policy_file"; then
            did "loaded the SELinux module $policy"
        else
            note "the SELinux module $root$policy_file could not be loaded, so SELinux may confine the hook"
        fi
    fi
}

unload_policy() {
    has_selinux && policy_is_loaded || return 0
    modules --remove=$policy >/dev/null || die "cannot remove the SELinux module $policy" "semodule -r $policy"
    did "removed the SELinux module $policy"
}

# Of the hooks folder only what is ours, and the folders: a label that somebody gave to another hook stays.
relabel() {
    has_selinux && command -v restorecon >/dev/null || return 0
    restorecon -v "$root$binary" "$root$hooks" "$root${daemon_link%/*}" "$root$daemon_link" "$root${place%/*}" \
        "$root$place" || note "restorecon failed: SELinux may keep libvirt from the hook"
    restorecon -R -v "$root$conf" || note "restorecon failed for $root$conf"
}
