# shellcheck shell=bash disable=SC2034 # the others' names
# Where everything is, and how to say something. Sourced by install.sh and by packaged.

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

self=install.sh
say() { printf '%s\n' "$*"; }
note() { printf 'note: %s\n' "$*"; }
complain() { printf '%s: %s\n' "$self" "$*" >&2; }

die() { # WHAT-FAILED [REMEDY]...
    complain "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

changed=no
did() {
    changed=yes
    say "$*"
}
