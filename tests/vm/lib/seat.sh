# shellcheck shell=bash
# Real desktops, as image-desktop/customize has them: "desk" is logged in by itself, with a sound server and a terminal.

# start_display_manager UNIT TERMINAL: lightdm, greetd, sddm or gdm, from now on and at each boot. Waits for the terminal.
start_display_manager() {
    at_end stop_display_manager "$1"
    case $1 in
        gdm) echo /usr/sbin/gdm3 ;;
        *) type -P "$1" ;;
    esac >/etc/X11/default-display-manager
    ln -sf "/lib/systemd/system/$1.service" /etc/systemd/system/display-manager.service
    systemctl daemon-reload
    systemctl --quiet set-default graphical.target
    systemctl --quiet start display-manager.service
    wait_until 180 "desk's session" desk_is_in
    wait_until 120 "the terminal" is_there "$2"
}

stop_display_manager() {
    systemctl stop display-manager.service
    rm -f /etc/systemd/system/display-manager.service /etc/X11/default-display-manager
    rm -f /run/greetd*.run # greetd logs in by itself once a boot
    systemctl --quiet set-default multi-user.target
    systemctl daemon-reload
    log_desk_out
}

# log_in_at_console: weston is what desk's login at the first console starts.
log_in_at_console() {
    at_end leave_console
    mkdir -p /etc/systemd/system/getty@tty1.service.d
    printf '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin desk --noclear %%I linux\n' \
        >/etc/systemd/system/getty@tty1.service.d/desk.conf
    systemctl daemon-reload
    systemctl restart getty@tty1.service
    wait_until 180 "desk's session" desk_is_in
    wait_until 120 "the terminal" is_there foot
}

leave_console() {
    rm -rf /etc/systemd/system/getty@tty1.service.d
    systemctl daemon-reload
    systemctl restart getty@tty1.service
    log_desk_out
}

log_desk_out() {
    loginctl terminate-user desk 2>/dev/null
    (wait_until 60 "desk's processes to end" desk_is_out) || true # at the end of a case nothing must end the clean-up
}

desk_is_in() { loginctl --no-legend list-sessions | grep --quiet ' desk .*seat0'; }
desk_is_out() { ! pgrep --uid desk >/dev/null; }

# as_desk COMMAND...: in that person's session.
as_desk() {
    runuser -u desk -- env XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}

# process_of COMMAND: its one process.
process_of() {
    local found
    found=$(pgrep --exact "$1") || fail "no process $1"
    [[ $found != *$'\n'* ]] || fail "more than one process $1: $found"
    printf '%s\n' "$found"
}
is_there() { pgrep --exact "$1" >/dev/null; }

# screens_of ADDRESS: the nodes of its DRM device.
screens_of() {
    local node
    for node in /sys/bus/pci/devices/"$1"/drm/{card,renderD}*; do
        [ ! -e "$node" ] || printf '/dev/dri/%s\n' "${node##*/}"
    done
}

# holders_of NODE...: who has them open, "COMMAND (PROCESS): NODE", one a line.
holders_of() {
    local node process
    for node in "$@"; do
        find /proc/[0-9]*/fd -lname "$node" 2>/dev/null | cut -d/ -f3 | sort -u | while IFS= read -r process; do
            printf '%s (%s): %s\n' "$(<"/proc/$process/comm")" "$process" "$node"
        done
    done
}

# server_has_sound: PipeWire offers the card of three functions, with a place to play to. WirePlumber numbers the name of a card
# that comes back while its old object goes: "….1.2".
server_has_sound() {
    local objects
    objects=$(as_desk pw-cli list-objects 2>/dev/null) || return 1
    [[ $objects = *'device.name = "alsa_card.pci-0000_01_00.1'* && $objects = *'node.name = "alsa_output.pci-0000_01_00.1'* ]]
}
server_has_no_sound() { [[ $(as_desk pw-cli list-objects) != *pci-0000_01_00.1* ]]; }

# beside_desktop CYCLES COMMAND...: that often a guest has the second card, and gives it back, while COMMAND... and the sound
# server are the same processes, the desktop draws, and nobody opens the card's screen.
beside_desktop() {
    local cycles=$1 cycle processes state nodes
    shift
    wait_until 120 "the sound card in the server's list" server_has_sound
    expect_drawing before
    processes=$(processes_of "$@" pipewire wireplumber)
    printf '%s\n' "$processes"
    state=$(host_state)
    mapfile -t nodes < <(screens_of "$display")
    expect_eq "nodes of the card's screen" 2 "${#nodes[@]}"
    expect_eq "who has the card's screen open" '' "$(holders_of "${nodes[@]}")"
    expect_eq "the seats" seat0 "$(loginctl --no-legend list-seats)"
    for ((cycle = 1; cycle <= cycles; cycle++)); do
        step "cycle $cycle"
        start_guest second
        expect_running second
        expect_driver vfio-pci "${card[@]}"
        wait_until 60 "the sound server to forget the card" server_has_no_sound
        expect_eq "the processes meanwhile" "$processes" "$(processes_of "$@" pipewire wireplumber)"
        expect_drawing "during-$cycle"

        destroy_guest second
        expect_driver virtio-pci "$display"
        expect_driver snd_hda_intel "$audio"
        wait_until 60 "the sound card in the server's list" server_has_sound
        expect_eq "the processes afterwards" "$processes" "$(processes_of "$@" pipewire wireplumber)"
        mapfile -t nodes < <(screens_of "$display")
        expect_eq "nodes of the card's screen" 2 "${#nodes[@]}"
        expect_eq "who has the card's screen open" '' "$(holders_of "${nodes[@]}")"
        expect_same_state "$state"
    done
    expect_drawing after
}

processes_of() {
    local command
    for command in "$@"; do printf '%s: %s\n' "$command" "$(process_of "$command")"; done
}
