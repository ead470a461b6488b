# shellcheck shell=bash
# What the hook must leave as it found it.

# driver_of ADDRESS: its driver's name, or "none".
driver_of() {
    local link
    link=$(readlink "/sys/bus/pci/devices/$1/driver") || link=none
    printf '%s\n' "${link##*/}"
}

# expect_driver DRIVER ADDRESS...
expect_driver() {
    local wanted=$1 address
    shift
    for address in "$@"; do expect_eq "driver of $address" "$wanted" "$(driver_of "$address")"; done
}

# host_state: the host as text, one fact a line. With few processes, since each costs 50 ms in here.
host_state() {
    local file name bind override
    find /sys/bus/pci/devices/*/driver -maxdepth 0 -printf 'driver of %h: %l\n' | sed 's,[^ ]*/,,g'
    for file in /sys/bus/pci/devices/*/driver_override; do
        read -r override <"$file" || true
        file=${file%/*}
        printf 'override of %s: %s\n' "${file##*/}" "$override"
    done
    for file in /sys/class/vtconsole/*; do
        read -r name <"$file/name"
        read -r bind <"$file/bind"
        printf '%s: %s, bind %s\n' "${file##*/}" "$name" "$bind"
    done
    # A kernel without FB_DEVICE has frame buffers only for its own text.
    [ ! -e /proc/fb ] || sed 's/^/framebuffer /' /proc/fb
    # .new is a journal that was never whole: harmless, and the next start replaces it. trial is the installer's.
    [ ! -d "$run_folder" ] || find "$run_folder" -mindepth 1 ! -name .new ! -name trial -printf 'left in the run folder: %P\n' | sort
    modules
}

# The loaded modules, without those that come and stay by design: vfio's; those that libvirt's first guest brings; dm_mod,
# which udev's rules load for a disk that appears; unix_diag, which a new systemd's `journalctl --sync` brings.
modules() {
    local name rest
    while read -r name rest; do
        case $name in
            vfio* | iommufd | irqbypass | kvm* | tun | tap | vhost* | dm_mod | unix_diag) ;;
            *) echo "module $name" ;;
        esac
    done </proc/modules | sort
}

# expect_same_state BEFORE [COMMAND]: the host must be as it was, after a moment for the driver core's own afterwork;
# COMMAND prints the state, host_state unless said.
expect_same_state() {
    local before=$1 state=${2:-host_state} deadline=$((SECONDS + 30))
    until [ "$("$state")" = "$before" ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            diff <(printf '%s\n' "$before") <("$state") || true
            fail "the host is not as it was before ('<' before, '>' now)"
        fi
        sleep 0.2
    done
}
