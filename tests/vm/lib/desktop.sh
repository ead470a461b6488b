# shellcheck shell=bash
# A desktop on a card: a display manager that holds it, what it starts, and a service that is a part of it. Or a login at a
# terminal that starts its desktop itself.

# install_session CARD: what "sitter" runs on seat0 as soon as /usr/local/lib/desktop/log-in is called: the session's program,
# and another one below the user's own service manager. Both hold the card.
install_session() {
    desktop_card=/dev/dri/by-path/pci-$1-card
    mkdir -p /usr/local/lib/desktop
    id sitter >/dev/null 2>&1 || useradd --no-create-home --uid 1234 --groups video sitter
    cat >/usr/local/lib/desktop/log-in <<'END'
#!/bin/bash
systemctl reset-failed desktop-session.service 2>/dev/null
systemd-run --quiet --collect --unit=desktop-session --uid=sitter --property=PAMName=desktop \
    --property=TTYPath=/dev/tty7 --property=StandardInput=tty-force --setenv=XDG_SESSION_TYPE=x11 \
    --setenv=XDG_RUNTIME_DIR=/run/user/1234 /usr/local/lib/desktop/session
END
    cat >/usr/local/lib/desktop/session <<END
#!/bin/bash
exec 3<>$desktop_card || exit 1
systemd-run --user --quiet --collect --unit=shell /usr/local/lib/desktop/shell
exec sleep infinity
END
    cat >/usr/local/lib/desktop/shell <<END
#!/bin/bash
exec 3<>$desktop_card || exit 1
exec sleep infinity
END
    chmod 0755 /usr/local/lib/desktop/*
    cat >/etc/pam.d/desktop <<'END'
auth    required pam_permit.so
account required pam_permit.so
session required pam_systemd.so
END
}

# log_in CARD: somebody does, at a terminal, without a display manager.
log_in() {
    install_session "$1"
    /usr/local/lib/desktop/log-in
    wait_until 60 "the session" session_is_up
}
session_is_up() { [ "$(desktop_holders)" = 2 ] && [ "$(seat_sessions)" = 1 ]; }

# start_desktop: installs the stand-in for a display manager on the boot display, and starts it. It logs "sitter" in by
# itself; what that starts outlives the display manager.
start_desktop() {
    install_session "$boot_display"
    cat >/usr/local/lib/desktop/manager <<END
#!/bin/bash
# Without the card it fails, as a real one does.
exec 3<>$desktop_card || exit 1
/usr/local/lib/desktop/log-in
systemd-notify --ready
exec sleep infinity
END
    chmod 0755 /usr/local/lib/desktop/manager
    cat >/etc/systemd/system/stand-in.service <<'END'
[Unit]
Description=Stands in for a display manager
StartLimitIntervalSec=3600
StartLimitBurst=3

[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/local/lib/desktop/manager
KillMode=process

[Install]
Alias=display-manager.service
END
    cat >/etc/systemd/system/companion.service <<'END'
[Unit]
Description=Goes down with the display manager, which does not know of it
PartOf=stand-in.service
After=stand-in.service

[Service]
ExecStart=/usr/bin/sleep infinity
END
    systemctl --quiet enable stand-in.service 2>/dev/null
    systemctl reset-failed stand-in.service 2>/dev/null || true
    systemctl start stand-in.service companion.service
    wait_until 60 "the desktop" desktop_is_up
}

stop_desktop() {
    [ -e /usr/local/lib/desktop ] || return 0
    systemctl stop stand-in.service desktop-session.service 2>/dev/null
    loginctl terminate-user sitter 2>/dev/null
    wait_until 60 "the desktop's end" desktop_is_down
    systemctl --quiet disable stand-in.service 2>/dev/null
    rm -rf /etc/systemd/system/{stand-in,companion}.service /etc/pam.d/desktop /usr/local/lib/desktop
    systemctl daemon-reload
}

# desktop_holders: how many processes have the desktop's card open.
desktop_holders() {
    local card
    card=$(readlink -f "$desktop_card") || { echo 0; return; }
    find /proc/[0-9]*/fd -lname "$card" 2>/dev/null | cut -d/ -f3 | sort -u | wc -l
}
seat_sessions() {
    # Beside each file is a pipe, "1.ref", on which a reader would wait.
    find /run/systemd/sessions -type f -exec grep --no-messages --files-with-matches '^SEAT=seat0' {} + | wc -l
}
desktop_is_down() { [ "$(desktop_holders)" = 0 ]; }
desktop_is_up() { [ "$(desktop_holders)" -ge 3 ] && [ "$(seat_sessions)" = 1 ]; }

# desktop_state: what a person at the screen has, as text.
desktop_state() {
    echo "display manager: $(systemctl is-active display-manager.service || true)"
    echo "companion: $(systemctl is-active companion.service || true)"
    echo "sessions on the seat: $(seat_sessions)"
    host_state
}

# expect_desktop BEFORE: as expect_same_state, with the desktop, which takes its time to come up.
expect_desktop() {
    local before=$1 deadline=$((SECONDS + 60))
    until [ "$(desktop_state)" = "$before" ] && desktop_is_up; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            diff <(printf '%s\n' "$before") <(desktop_state) || true
            fail "the desktop is not as it was before ('<' before, '>' now)"
        fi
        sleep 0.5
    done
}

# The inhibitor that keeps the host awake.
is_kept_awake() { systemd-inhibit --list --no-legend | grep --quiet '^qemu-hook'; }
may_sleep() { ! is_kept_awake; }
