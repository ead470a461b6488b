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

for part in common build files link selinux daemon probe uninstall; do
    # shellcheck source=/dev/null
    . "$checkout/install/lib/$part.sh"
done

misuse() {
    complain "$1; see install.sh --help"
    exit 2
}

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

is_packaged() { dpkg-query -S "$root$binary" || rpm -qf "$root$binary" || pacman -Qo "$root$binary"; } >/dev/null 2>&1

refuse_over_package() {
    if [ $staging = no ] && [ -e "$root$binary" ] && is_packaged; then
        die "qemu-hook is installed from a package" "upgrade or remove it with the package manager"
    fi
}

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
    make_folder "$state"
    install_binary
    make_folder "$conf/guests"
    install_rest
    update_catalog
    [ "$(standing "$place")" = right ] || linked=yes
    load_policy
    install_link
    relabel
    undo=no
    [ $staging = yes ] || ask_libvirt $linked
    [ "$changed" = yes ] || say "nothing to change: $version is installed"
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
refuse_over_package
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"${action}_all"
