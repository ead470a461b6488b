# shellcheck shell=bash
# Does libvirt call the hook? Sourced by install.sh.
#
# Found out with a guest that cannot start. The hook knows its name and refuses it without a line in the log, and libvirt
# answers (and logs, which cannot be helped) with the hook's words. If libvirt does not call the hook it gets as far as
# the PCI device or the disk, which are both not there. Nothing ever runs, nothing is defined, no other guest notices.

no_such_file=/nonexistent/$probe

probe_xml() { # TYPE, "device" or ""
    cat <<END
<domain type='$1'>
  <name>$probe</name>
  <title>A test guest of qemu-hook's install.sh; cannot start</title>
  <memory unit='MiB'>64</memory>
  <os><type>hvm</type></os>
  <devices>
    <disk type='file'><source file='$no_such_file'/><target dev='vda' bus='virtio'/></disk>
END
    [ -z "$2" ] || cat <<END
    <hostdev mode='subsystem' type='pci' managed='no'>
      <source><address domain='0xfffffffe' bus='0xff' slot='0x1f' function='0x7'/></source>
    </hostdev>
END
    say "  </devices></domain>"
}

# Sets `answer` to what libvirt says to that guest. --autodestroy is for the case that cannot be.
start_probe() { # TYPE, "device" or ""
    answer=$(probe_xml "$1" "$2" | LC_ALL=C timeout 60 virsh -q -c qemu:///system create --paused --autodestroy \
        /dev/stdin 2>&1) || true
    [ -n "$answer" ] || answer="no answer within 60 s"
}

# The number in what libvirt says of our hook's end, "unexpected exit status 1: …" in whatever language; nothing if it
# does not name the hook.
hook_status() {
    local rest=${answer##*"$place $probe prepare begin -)"}
    if [ "$rest" != "$answer" ] && [[ ${rest%%:*} =~ [0-9]+ ]]; then say "${BASH_REMATCH[0]}"; fi
}

# Sets `verdict`: called, broken (libvirt tried to call it), not-called, untried.
try_type() { # TYPE
    start_probe "$1" device
    case $(hook_status) in
        1) verdict=called ;;
        ?*) verdict=broken ;;
        *)
            verdict=untried
            # Without IOMMU libvirt has its own reason for a refusal; the disk is then the witness.
            [[ $answer == *fffffffe:* || $answer == *"$no_such_file"* ]] || start_probe "$1" ''
            [[ $answer == *fffffffe:* || $answer == *"$no_such_file"* ]] && verdict=not-called
            ;;
    esac
    return 0
}

try_hook() {
    local type types=(qemu)
    [ ! -e "$root/dev/kvm" ] || types=(kvm qemu)
    for type in "${types[@]}"; do
        try_type "$type"
        [ "$verdict" = untried ] || break
    done
    forget_probe
}

# libvirt keeps a log of each guest; older versions of the hook made a device conf for this one too.
forget_probe() { rm -f -- "$root$conf/guests/$probe.toml" "$root/var/log/libvirt/qemu/$probe.log"; }

# A daemon that was told to reload does so in its own time.
try_hook_after_reload() {
    local end=$((SECONDS + 10))
    while try_hook && [ "$verdict" = not-called ] && [ $SECONDS -lt $end ]; do sleep 0.5; done
}

last_line() { printf '%s\n' "$1" | grep -v '^[[:space:]]*$' | tail -n 1; }

# In which context the hook ran, and what it cannot do there: lines of its own words (hook/handover/trial.h).
report_abilities() {
    printf '%s\n' "$answer" | sed -n 's/^  context: \(.*\)/its context is \1/p
        s/^  cannot: /note: it cannot /p
        s/^  hint: /  hint: /p'
}

report_verdict() {
    case $verdict in
        called)
            say "libvirt calls the hook (tried with a guest that cannot start)"
            report_abilities
            ;;
        broken) give_up_link ;;
        not-called)
            die "qemu-hook is installed, but libvirt does not call $place" \
                "restart its daemon (systemctl restart libvirtd, or virtqemud; guests keep running) and run this again"
            ;;
        untried)
            note "could not check whether libvirt calls the hook: $(last_line "$answer")"
            note "fix that and run this again (if QEMU is missing, install Debian's qemu-system-x86)"
            ;;
    esac
}

# libvirt finds the hook and cannot execute it: with the link in place no guest of this host would start.
give_up_link() {
    rm -f -- "$root$place"
    undo=$fresh
    die "libvirt cannot execute $place, so the link was removed again: $(last_line "$answer")" \
        "AppArmor: journalctl -k -g DENIED" \
        "SELinux: ausearch -m avc -ts recent"
}

# LINKED says whether the link is new: only then has the daemon to be told in any case.
ask_libvirt() { # LINKED
    local daemons
    if [ "$reload" = no ]; then
        [ "$1" = no ] || note "the daemon was left alone: it sees its first hook when it reloads or starts"
        return
    fi
    daemons=$(running_daemons)
    [ -z "$daemons" ] || [ "$1" = no ] || reload_daemons
    if [ -z "$daemons" ] && ! may_wake_daemon; then
        say "no libvirtd or virtqemud is running: it sees the hook when it starts"
    elif ! command -v virsh >/dev/null; then
        note "virsh is missing, so this did not check that libvirt calls the hook: install it and run this again"
    elif [ "$1" = yes ]; then
        try_hook_after_reload
        report_verdict
    else
        try_hook
        if [ "$verdict" = not-called ]; then
            reload_daemons
            try_hook_after_reload
        fi
        report_verdict
    fi
}
