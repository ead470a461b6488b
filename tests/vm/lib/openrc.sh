# shellcheck shell=bash
# On a machine with OpenRC, syslogd and elogind: what the other files do with systemd. Sourced after them, and only there.

syslog=/var/log/syslog
syslog_began=$(wc --lines <"$syslog")

hook_log() { show_log | sed -n 's/.* qemu-hook\[[0-9]*\]: //p'; }
show_log() { tail --lines="+$((syslog_began + 1))" "$syslog"; }

# start_desktop SCRIPT: "display-manager", a script of OpenRC's own kind as Gentoo has it, or "lightdm", one for every init as
# Debian has it. The display manager logs "sitter" in at terminal 7; what that starts outlives it.
start_desktop() {
    desktop_card=/dev/dri/by-path/pci-$boot_display-card
    desktop_script=$1
    mkdir -p /usr/local/lib/desktop
    id sitter >/dev/null 2>&1 || useradd --no-create-home --home-dir / --uid 1234 --groups video sitter
    cat >/usr/local/lib/desktop/manager <<END
#!/bin/bash
exec 3<>$desktop_card || exit 1
setsid --fork su --login sitter --command /usr/local/lib/desktop/session 3>&- <>/dev/tty7 >&0 2>&0
exec sleep infinity
END
    cat >/usr/local/lib/desktop/session <<END
#!/bin/bash
exec 3<>$desktop_card || exit 1
exec sleep infinity
END
    chmod 0755 /usr/local/lib/desktop/*
    "write_$1" >"/etc/init.d/$1"
    chmod 0755 "/etc/init.d/$1"
    rc-service "$1" start
    wait_until 60 "the desktop" desktop_is_up
}

write_display-manager() {
    cat <<'END'
#!/sbin/openrc-run
description="Stands in for a display manager"
pidfile=/run/stand-in.pid

start() {
    start-stop-daemon --start --background --make-pidfile --pidfile $pidfile --startas /usr/local/lib/desktop/manager
}

stop() {
    start-stop-daemon --stop --pidfile $pidfile --retry 10
}
END
}

write_lightdm() {
    cat <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          lightdm
# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Stands in for a display manager
### END INIT INFO
pidfile=/run/stand-in.pid
case $1 in
    start) start-stop-daemon --start --background --make-pidfile --pidfile $pidfile --startas /usr/local/lib/desktop/manager ;;
    stop) start-stop-daemon --stop --oknodo --pidfile $pidfile --retry 10 ;;
    status) start-stop-daemon --status --pidfile $pidfile ;;
esac
END
}

stop_desktop() {
    [ -e /usr/local/lib/desktop ] || return 0
    rc-service "$desktop_script" stop
    loginctl terminate-user sitter 2>/dev/null
    wait_until 60 "the desktop's end" desktop_is_down
    rm -rf "/etc/init.d/$desktop_script" /usr/local/lib/desktop
}

desktop_is_up() { [ "$(desktop_holders)" = 2 ] && [ "$(seat_sessions)" = 1 ]; }

desktop_state() {
    echo "display manager: $(rc-service "$desktop_script" status 2>&1 || true)"
    echo "sessions on the seat: $(seat_sessions)"
    host_state
}
