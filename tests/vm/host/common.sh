# shellcheck shell=bash
# Where things are, and how to speak to the user. Sourced by `vm`, which sets $vm_home.

checkout=$(cd "$vm_home/../.." && pwd)
vm_data=${VM_DATA:-$checkout/build/vm} # images and running machines; VM_DATA keeps them over a removed build/
suites=(bookworm trixie)
# By name only: the same with real desktops, with the two big ones besides, with a daemon for each kind of object in place of
# libvirtd, with SELinux in place of AppArmor, and with OpenRC in place of systemd; Debian's rolling release; and that with
# simpledrm and iommufd in its kernel, as other distributions have it.
other_suites=(bookworm-desktop bookworm-desktop-all trixie-desktop bookworm-modular trixie-modular bookworm-selinux
    bookworm-openrc sid sid-simpledrm)
default_suite=bookworm

say() { printf '%s\n' "$*" >&2; }

die() {
    say "vm: $*"
    exit 1
}

is_suite() {
    local suite
    for suite in "${suites[@]}" "${other_suites[@]}"; do [ "$suite" = "$1" ] && return; done
    return 1
}

has_desktops() { [[ $1 = *-desktop* ]]; }

# timed MESSAGE COMMAND...: the message before, the time after, on one line.
timed() {
    local message=$1 begin=$EPOCHREALTIME status=0
    shift
    printf '%s ... ' "$message" >&2
    "$@" || status=$?
    if [ "$status" -eq 0 ]; then say "$(seconds_since "$begin") s"; else say "failed"; fi
    return "$status"
}

# seconds_since EPOCHREALTIME: with one decimal, without a process.
seconds_since() {
    local tenths=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}
