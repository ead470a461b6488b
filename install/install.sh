#!/bin/bash
# Builds and installs qemu-hook as libvirt's QEMU hook, or removes it again. See `install.sh --help`.
#
# The order is what keeps the host's guests startable: a hook that libvirt cannot execute stops every guest of the
# host. So the new binary has to run before it takes its place, and the link that makes it the hook comes last.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # `sh install.sh`
set -euo pipefail
umask 022
PATH=$PATH:/usr/sbin:/sbin

checkout=$(cd "$(dirname "$0")/.." && pwd)
readonly checkout

readonly binary=/usr/sbin/qemu-hook
readonly hooks=/etc/libvirt/hooks
# The hook is a link, not a file in this folder: libvirtd's AppArmor profile lets it execute two kinds of things,
# files below hooks/ (which then run inside that profile) and whatever a link in there leads to in /usr/sbin or
# /usr/bin (unconfined, as the hook needs for systemctl, modprobe and its look at other processes). Anything else is
# denied. A link also leaves one file to replace at an upgrade.
readonly main_link=$hooks/qemu
readonly extra_folder=$hooks/qemu.d # every executable in here is called too, since libvirt 6.5
readonly extra_link=$extra_folder/50-qemu-hook
readonly daemon_link=$hooks/daemon.d/50-qemu-hook # called when the daemon starts, since libvirt 6.5
readonly conf=/etc/libvirt/qemu-hook
readonly shipped=("$conf/host.toml" "$conf/guests/example.toml.sample")
readonly run=/run/libvirt/qemu-hook
readonly state=/var/lib/qemu-hook
# What the installation made: "dir PATH", "file SHA256 PATH" (a conf, as it was installed), "own PATH" (any other file).
readonly manifest=$state/manifest
readonly probe=qemu-hook-probe # the guest that shows whether libvirt calls the hook; it can never start

usage() {
    cat <<'END'
install.sh [--tree DIR] [--no-reload]
    Builds qemu-hook from this checkout and installs it as libvirt's QEMU hook. If you run it again, it
    changes only what is out of date.
      --tree DIR      do not build; install what `DESTDIR=DIR cmake --install build` put into DIR
      --no-reload     leave the libvirt daemon alone
install.sh --uninstall [--force] [--purge]
    Removes what was installed. Confs that you wrote or changed stay.
      --force         remove it even while guests have devices
      --purge         remove all confs too

DESTDIR=DIR installs below DIR, for a package: it touches nothing outside DIR and asks no daemon.
QEMU_HOOK_ROOT=DIR puts DIR in front of every path, for tests.
END
}

say() { printf '%s\n' "$*"; }
note() { printf 'note: %s\n' "$*"; }
complain() { printf 'install.sh: %s\n' "$*" >&2; }

die() { # WHAT-FAILED [REMEDY]...
    complain "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

misuse() {
    complain "$1; see install.sh --help"
    exit 2
}

changed=no
did() {
    changed=yes
    say "$*"
}

for part in build files link selinux daemon probe uninstall; do
    # shellcheck source=/dev/null
    . "$checkout/install/lib/$part.sh"
done

# --- the call ---------------------------------------------------------------------------------------------------------

action=install tree='' reload=yes force=no purge=no

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            --tree)
                [ $# -gt 1 ] || misuse "--tree needs a folder"
                tree=$2
                shift
                ;;
            --tree=*) tree=${1#*=} ;;
            --no-reload) reload=no ;;
            --uninstall) action=uninstall ;;
            --force) force=yes ;;
            --purge) purge=yes ;;
            -h | --help)
                usage
                exit 0
                ;;
            *) misuse "unknown option '$1'" ;;
        esac
        shift
    done
    if [ $action = install ]; then
        [ $force$purge = nono ] || misuse "--force and --purge need --uninstall"
    else
        [ -z "$tree" ] || misuse "--tree cannot be used with --uninstall"
    fi
}

# `root` stands in front of every path; `staging` says that the running system is not ours to touch.
find_root() {
    root=${DESTDIR:-${QEMU_HOOK_ROOT:-}}
    staging=no
    [ -z "${DESTDIR:-}" ] || staging=yes
    case $root in
        '' | /*) ;;
        *) root=$PWD/$root ;;
    esac
    while [ "${root%/}" != "$root" ]; do root=${root%/}; done
    [ -n "$root" ] || [ $staging = yes ] || is_root || die "this needs root" "run it with sudo"
    if [ $action = install ]; then mkdir -p "$root/" || die "cannot make the folder $root"; fi
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# --- install ----------------------------------------------------------------------------------------------------------

fresh=no # whether nothing of qemu-hook was there before
undo=no  # whether a failure has to take out everything again

next_steps() {
    say "next:"
    say "  qemu-hook --setup GUEST    # makes the guest's device conf and says whether its start would work"
    say "  virsh start GUEST"
}

install_all() {
    local linked=no
    choose_place
    get_tree
    is_installed || fresh=yes
    undo=$fresh
    make_folder $state
    install_binary
    make_folder $conf/guests
    install_rest
    update_catalog
    [ "$(standing "$place")" = right ] || linked=yes
    load_policy
    install_link
    relabel
    undo=no
    [ $staging = yes ] || ask_libvirt $linked
    [ $changed = yes ] || say "nothing to change: $version is installed"
    next_steps
}

# ----------------------------------------------------------------------------------------------------------------------

leave() {
    local status=$?
    trap - EXIT
    [ -z "$temporary" ] || rm -f -- "$temporary"
    if [ $status -ne 0 ] && [ $undo = yes ]; then
        take_out >/dev/null && complain "nothing is left installed"
    fi
    exit $status
}

parse "$@"
find_root
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"${action}_all"
