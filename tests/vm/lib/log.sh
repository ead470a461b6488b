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
