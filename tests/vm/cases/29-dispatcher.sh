# shellcheck shell=bash source=../lib.sh
# libvirt's hook is a script of the user's that calls qemu-hook: before its own work, behind it, through a pipe; or stands beside it in qemu.d.
# long
# Two guests want one card, one after the other and at once: never two owners, and no start or running guest is undone.
# limit: 900
. ./lib.sh
before=$(host_state)
put_back() {
    rm -rf /etc/libvirt/hooks/qemu.d /etc/libvirt/hooks/mine
    rm -f "$hook"
    mv "$scratch/hook" "$hook"
    restart_daemon
}
cp -P "$hook" "$scratch/hook"
at_end put_back
define_guest first managed=yes "${card[@]}"
define_guest second managed=no "${card[@]}"

# A link of another name, as a user has it who keeps his scripts together.
mkdir -p /etc/libvirt/hooks/mine
ln -s /usr/sbin/qemu-hook /etc/libvirt/hooks/mine/devices

# install_form FORM: the scripts leave a line in `calls` for each call.
install_form() {
    rm -rf "$hook" /etc/libvirt/hooks/qemu.d
    case $1 in
        front)
            cat >"$hook" <<END
#!/bin/bash
set -e
/etc/libvirt/hooks/mine/devices "\$@"
sleep 0.3
echo "\$*" >>$scratch/calls
END
            ;;
        behind)
            cat >"$hook" <<END
#!/bin/bash
echo "\$*" >>$scratch/calls
sleep 0.3
exec /etc/libvirt/hooks/mine/devices "\$@"
END
            ;;
        piped)
            cat >"$hook" <<END
#!/bin/bash
set -e -o pipefail
xml=\$(cat)
echo "\$*" >>$scratch/calls
for part in /etc/libvirt/hooks/mine/*; do
    printf '%s\n' "\$xml" | "\$part" "\$@" >&2
done
END
            ;;
        beside)
            mkdir /etc/libvirt/hooks/qemu.d
            printf '#!/bin/bash\nsleep 0.3\necho "$*" >>%s/calls\n' "$scratch" >/etc/libvirt/hooks/qemu.d/10-before
            cp /etc/libvirt/hooks/qemu.d/10-before /etc/libvirt/hooks/qemu.d/90-after
            chmod +x /etc/libvirt/hooks/qemu.d/*
            ln -s /usr/sbin/qemu-hook /etc/libvirt/hooks/qemu.d/50-qemu-hook
            ;;
    esac
    [ "$1" = beside ] || chmod +x "$hook"
    : >"$scratch/calls"
    restart_daemon
}

# expect_owner GUEST OTHER: it has the card and runs; the other one does not.
expect_owner() {
    expect_running "$1"
    guest_is "$2" 'shut off' || fail "$2 is not shut off"
    expect_driver vfio-pci "${card[@]}"
    expect_match "--status" "$display .* $1" "$(qemu-hook --status)"
}
told_of() { expect_match "what is told" "0000:01:00\.[0-2]: .*guest '$1'" "$2"; }

both_at_once() {
    local winner=first loser=second pids=() status=() i=0 guest
    for guest in first second; do
        timeout 200 virsh --quiet start "$guest" >"out.$guest" 2>&1 &
        pids+=($!)
    done
    for i in 0 1; do
        status[i]=0
        wait "${pids[i]}" || status[i]=$?
    done
    cat out.*
    case "${status[*]}" in
        '0 1') ;;
        '1 0') winner=second loser=first ;;
        *) fail "exit statuses of the starts: ${status[*]}" ;;
    esac
    echo "$winner has it"
    told_of "$winner" "$(<"out.$loser")"
    expect_owner "$winner" "$loser"
    virsh --quiet destroy "$winner"
    expect_same_state "$before"
}

for form in front behind piped beside; do
    step "$form"
    install_form "$form"
    hook_news >/dev/null
    start_guest first
    expect_owner first second
    expect_refused virsh start second
    told_of first "$output"
    expect_owner first second
    step "the next guest starts while the first one ends"
    virsh --quiet destroy first &
    ending=$!
    wait_until 20 "the end's beginning" guest_is first 'shut off'
    virsh --quiet start second
    wait "$ending"
    expect_owner second first
    destroy_guest second
    expect_same_state "$before"
    for time in once again; do
        step "both at $time"
        both_at_once
    done
    expect_match "the script's calls" '^first prepare begin' "$(<calls)"
    expect_match "the script's calls" '^second release end' "$(<calls)"
    expect_no_match "the log" 'left over' "$(hook_news)"
done
