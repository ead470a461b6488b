# shellcheck shell=bash
# What the hook has logged. journald takes a message when it gets to it: first what is under way is waited for.

# hook_log: since the case began.
hook_log() {
    journalctl --sync
    journalctl --quiet -t qemu-hook -o cat --since="$case_began"
}

# hook_news: since the last call, or, at first, since the machine's boot.
hook_news() {
    journalctl --sync
    journalctl --quiet --boot -t qemu-hook -o cat --cursor-file="$scratch/cursor"
}

# show_log: of the hook, libvirt's daemon and the kernel, since the case began.
show_log() {
    journalctl --quiet --no-pager --output=short-monotonic --since="$case_began" \
        SYSLOG_IDENTIFIER=qemu-hook + _SYSTEMD_UNIT="$daemon_name.service" + _TRANSPORT=kernel |
        grep --invert-match --fixed-strings 'apparmor="STATUS"'
}
