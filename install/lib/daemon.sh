# shellcheck shell=bash
# Making a libvirt daemon that already runs see its first hook. Sourced by install.sh and by packaged.

# "NAME PID" of each libvirtd or virtqemud of this system: not a user's session daemon, not one in a container.
running_daemons() {
    local name pid
    for name in libvirtd virtqemud; do
        for pid in $(pids_of $name); do
            is_system_daemon $name "$pid" || continue
            say "$name $pid"
            break
        done
    done
}

pids_of() { # NAME, the surest first
    local pid=''
    read -r pid 2>/dev/null <"$root/run/$1.pid" || true # no newline at its end
    say "$pid"
    systemctl show --property=MainPID --value "$1.service" 2>/dev/null || true
    pidof "$1" 2>/dev/null || true
}

is_system_daemon() { # NAME PID
    local process=$root/proc/$2
    [ "$2" -gt 1 ] 2>/dev/null && [ "$(cat "$process/comm" 2>/dev/null)" = "$1" ] && [ -O "$process" ] &&
        { [ ! -e "$process/root" ] || [ "$process/root" -ef "$root/" ]; }
}

# Once it runs, a daemon looks for a first hook only when it gets SIGHUP. The signal goes out directly, since
# `systemctl reload` runs /bin/kill, which a small system has not. A daemon that cannot be signalled is restarted:
# guests go on.
reload_daemons() {
    local name pid
    while read -r name pid; do
        if kill -HUP "$pid" 2>/dev/null; then
            say "told $name to reload"
        elif systemctl reload "$name.service" >/dev/null 2>&1; then
            say "reloaded $name.service"
        elif systemctl restart "$name.service" >/dev/null 2>&1; then
            say "restarted $name.service, which could not be reloaded (guests keep running)"
        else
            note "$name could not be reloaded: it calls the hook after its next start"
        fi
    done < <(running_daemons)
}

# A daemon that systemd starts on demand may be woken to ask it, unless that would start guests: autostart happens
# when it comes up for the first time after a boot.
may_wake_daemon() {
    { [ -S "$root/run/libvirt/libvirt-sock" ] || [ -S "$root/run/libvirt/virtqemud-sock" ]; } || return 1
    [ -e "$root/run/libvirt/qemu/autostarted" ] ||
        [ -z "$(ls -A "$root/etc/libvirt/qemu/autostart" 2>/dev/null)" ]
}
