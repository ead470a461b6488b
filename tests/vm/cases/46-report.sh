# shellcheck shell=bash source=../lib.sh
# --report: no secret of the guest or the host is in it; unpacked, it says the same, here and outside (the share has it after).
. ./lib.sh
before=$(host_state)

step "a guest and a host with secrets"
hostname=$(hostname)
at_end hostname "$hostname"
hostname quaggahost.example.org
printf 'wanda:x:4711:4711:Wanda Wagner,,,:/home/wanda:/bin/sh\n' >>/etc/passwd
at_end sed -i /^wanda:/d /etc/passwd
mkdir -p /home/wanda
at_end rm -rf /home/wanda
printf 'MZ and so on' >/home/wanda/card.rom
truncate -s 1M /home/wanda/disk.raw
guest_xml reporter managed=yes "$nic" "${card[@]}" disk=/home/wanda/disk.raw >"$scratch/guest.xml"
sed -i "s|<target dev='vda' bus='virtio'/>|&<serial>WD-SECRET77</serial>|
    0,\|</hostdev>|s||<rom file='/home/wanda/card.rom'/></hostdev>|
    s|</devices>|<interface type='user'><mac address='52:54:00:6b:3c:58'/></interface>\
<graphics type='vnc' port='-1' passwd='Tr0ub4d'/></devices>|" "$scratch/guest.xml"
virsh --quiet define "$scratch/guest.xml"
qemu-hook --setup reporter
secrets='Tr0ub4d|52:54:00:6b:3c:58|5254006b3c58|WD-SECRET77|wanda|Wanda|quaggahost'
grep --quiet Tr0ub4d /etc/libvirt/qemu/reporter.xml || fail "the guest has no password"

# A report of the guest: prints what it says, and unpacks it; sets $unpacked. Also over a guest that runs.
report() {
    rm -rf "${scratch:?}"/qemu-hook-report-*
    qemu-hook --report reporter
    archive=$(echo "$scratch"/qemu-hook-report-*.tar.gz)
    expect_eq "the report's mode" 600 "$(stat -c %a "$archive")"
    tar -xzf "$archive"
    unpacked=${archive%.tar.gz}
    expect_eq "what is left in /tmp" "" "$(find /tmp -name 'qemu-hook-report*')"
    ! grep --recursive --extended-regexp --text -e "$secrets" "$unpacked" || fail "a secret is in the report"
    expect_no_match "the names in the report" "$secrets" "$(find "$unpacked" -printf '%P %l\n')"
    cp "$archive" /mnt/vm/
}

# expect_same COMMAND...: it says the same over the unpacked files as over the host, but for the user's name.
expect_same() {
    local here there
    here=$(qemu-hook "$@" --json | sed 's/wanda/user/g') || true
    there=$(QEMU_HOOK_ROOT=$unpacked qemu-hook "$@" --json 2>/dev/null | sed -E "s|$unpacked||g; s/user[0-9]+/user/g") || true
    diff <(printf '%s\n' "$here") <(printf '%s\n' "$there") || fail "$*: the unpacked report says something else"
}

expect_all_same() {
    expect_same --check reporter
    expect_same --plan reporter
    expect_same --check
    expect_same --status
    expect_same --devices
}

step "a report of a guest that would start"
report
expect_match "the finding about the ROM" '/home/user[0-9]+/card.rom' "$(<"$unpacked/report/check.txt")"
expect_all_same

step "a report while another guest has the devices"
define_guest other managed=yes "$nic"
start_guest other
report
expect_match "the finding about the claim" "claim: .*'other'" "$(<"$unpacked/report/check.txt")"
expect_all_same
destroy_guest other

step "errors leave nothing behind"
expect_refused qemu-hook --report nobody
mount -t tmpfs -o size=64k none /tmp
at_end umount --quiet /tmp
expect_refused qemu-hook --report reporter
expect_eq "what is left in a full /tmp" "" "$(ls -A /tmp)"
umount /tmp
expect_same_state "$before"
