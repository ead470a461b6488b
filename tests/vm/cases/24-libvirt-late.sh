# shellcheck shell=bash source=../lib.sh
# libvirtd hangs in the kernel with its list of devices locked, because somebody else's device does not come off its driver. It
# does late what it was asked meanwhile. Until then the device is left alone, whoever asked and whether he is still there.
# limit: 600
# modular
. ./lib.sh
before=$(host_state)
short_deadlines
modprobe qh_stuck edu=1
define_guest late "$nic"
qemu-hook --setup late
edu_name=$(echo "pci_$edu" | tr :. _)
others=''

journal=/run/libvirt/qemu-hook/late.journal
asker() { awk '/^asked/ { print $3 }' "$journal" | tail -n 1; }
was_asked() { [ -e "$journal" ] && [ -n "$(asker)" ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
libvirtd_hangs() {
    grep --quiet "^State:[[:space:]]D" /proc/"$(pidof "$daemon_name")"/task/*/status
}

lock_libvirts_list() {
    step "libvirtd hangs"
    echo 0 >"$stuck/let_go"
    virsh nodedev-detach "$edu_name" &
    others=$!
    wait_until 30 "libvirtd in the kernel" libvirtd_hangs
}

# unlock_libvirts_list PID: and whoever waits for libvirt's answer about the NIC has it.
unlock_libvirts_list() {
    step "libvirtd goes on"
    ! is_gone "$1" || fail "nobody waits for libvirt's answer"
    echo 1 >"$stuck/let_go"
    wait "$others" || fail "the detach of $edu"
    wait_until 30 "the answer" is_gone "$1"
    virsh nodedev-reattach "$edu_name"
}

expect_left_alone() {
    step "the NIC is left alone"
    expect_refused in_time 30 qemu-hook --reattach late
    expect_match "what it says" "$nic: libvirt was asked to move it, does not answer, and may still do it" "$output"
    expect_match "the remedy" 'hint: when libvirt answers again, .*qemu-hook --reattach' "$output"
    expect_match "--status" "STUCK: late: $nic: process [0-9]+ waits for libvirt" "$(in_time 20 qemu-hook --status)"
}

expect_remedy_leads_out() {
    step "--reattach"
    qemu-hook --reattach late
    expect_driver e1000e "$nic"
    [ ! -e "$journal" ] || fail "the journal is still there"
}

lock_libvirts_list
step "a detach, for which sysfs stands in"
in_time 60 qemu-hook --detach late
expect_driver vfio-pci "$nic"
expect_left_alone
expect_driver vfio-pci "$nic"
unlock_libvirts_list "$(asker)"
expect_driver vfio-pci "$nic"
expect_remedy_leads_out

step "a reattach, for which nothing does"
qemu-hook --detach late
lock_libvirts_list
expect_refused in_time 60 qemu-hook --reattach late
expect_match "what it says" "$nic: cannot be given back: .*; it may still do it" "$output"
expect_driver vfio-pci "$nic"
expect_left_alone
unlock_libvirts_list "$(asker)"
expect_driver e1000e "$nic" # which libvirt did
expect_remedy_leads_out

step "a detach whose asker was killed"
lock_libvirts_list
qemu-hook --detach late &
killed=$!
wait_until 30 "the question" was_asked
kill -KILL "$killed"
wait "$killed" || true
waiting=$(asker)
expect_left_alone
unlock_libvirts_list "$waiting"
expect_driver vfio-pci "$nic" # which libvirt did, for nobody
expect_remedy_leads_out

step "the daemon is killed before it has answered"
lock_libvirts_list
in_time 60 qemu-hook --detach late
kill -STOP "$(pidof "$daemon_name")"
echo 1 >"$stuck/let_go"
expect_left_alone
systemctl kill --signal=KILL "$daemon_name.service"
! wait "$others" || fail "libvirtd has detached $edu"
restart_daemon
wait_until 30 "the end of who asked" is_gone "$(asker)"
expect_remedy_leads_out
virsh nodedev-reattach "$edu_name"

wait_until 20 "the module's end" modprobe -r qh_stuck
expect_same_state "$before"
