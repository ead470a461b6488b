# shellcheck shell=bash source=../lib.sh
# SELinux enforces, and libvirt's daemon is confined as Fedora's virtqemud is. Without qemu-hook's module a start is refused
# before anything is touched, and what the refusal says leads out. With the module the hook runs in a domain without limits.
# suite: selinux
# limit: 2400
. ./lib.sh
context_of() { tr -d '\0' <"/proc/$1/attr/current"; }
denials() { journalctl --quiet -o cat --since="$case_began" --grep='avc: +denied' || true; }
# try: what the installer does at its end. Sets $told to what --check of the host says then.
try() {
    (
        # shellcheck disable=SC2034 # probe.sh's
        root='' staging=no place=$hook
        for part in common probe; do
            # shellcheck source=/dev/null
            . "/mnt/vm/checkout/install/lib/$part.sh"
        done
        try_hook
        echo "the hook is $verdict"
        report_abilities
    )
    told=$(qemu-hook --check || true)
    printf '%s\n' "$told"
}

expect_eq "SELinux" 1 "$(</sys/fs/selinux/enforce)"
expect_match "the daemon's context" ':virtqemud_t:' "$(context_of "$(daemon_pid)")"
before=$(host_state)
define_guest quick managed=no "$nic" managed=yes "$edu"
load_module() {
    semodule --list-modules | grep --quiet --line-regexp qemu_hook || semodule --install=/usr/share/qemu-hook/qemu_hook.cil
    restorecon /usr/sbin/qemu-hook
}
at_end load_module

step "without the module"
modprobe --remove vfio_pci 2>/dev/null || true # or no start would need modprobe
semodule --remove=qemu_hook
restorecon -v /usr/sbin/qemu-hook
try
expect_match "--check" "SELinux type bin_t, not qemu_hook_exec_t" "$told"
expect_match "--check" "its context is system_u:system_r:virtqemud_t:s0" "$told"
expect_match "--check" "when libvirt calls the hook, it cannot run modprobe: .*could not be executed: the SELinux context .* denies it" "$told"
expect_refused virsh start quick
expect_match "what virsh says" 'qemu-hook: .*cannot .*the SELinux context system_u:system_r:virtqemud_t:s0' "$output"
expect_driver e1000e "$nic"
expect_driver none "$edu"
expect_same_state "$before"

step "and with an older policy, which does not let virtqemud write to sysfs"
setsebool vm_virtqemud_writes_sysfs off
at_end setsebool vm_virtqemud_writes_sysfs on
expect_refused virsh start quick
expect_match "what virsh says" 'cannot write to sysfs' "$output"
expect_same_state "$before"
setsebool vm_virtqemud_writes_sysfs on

step "what the refusal says"
# shellcheck disable=SC2016 # the text's own quotes
remedy=$(sed -n 's/.*`\(semodule -i [^`]*\)`.*/\1/p' <<<"$output" | head -n 1)
printf '%s\n' "$remedy"
denied=$(denials)
began_well=$(date '+%Y-%m-%d %H:%M:%S.%6N')
bash -c "$remedy"
expect_match "the program's label" ':qemu_hook_exec_t:' "$(stat --format=%C "$(readlink -f "$hook")")"

step "with the module"
try
expect_match "--check" 'its context is system_u:system_r:virt_hook_unconfined_t:s0' "$told"
expect_no_match "--check" 'SELinux type|it cannot' "$told"

# Each process of the hook that libvirt has started, and where it runs.
watch_contexts() {
    local process
    while true; do
        for process in $(pgrep --full "^$hook quick |^/usr/sbin/qemu-hook quick "); do
            { context_of "$process" && echo; } 2>/dev/null >>"$scratch/contexts"
        done
        sleep 0.3
    done
}
watch_contexts &
for cycle in 1 2; do
    step "cycle $cycle"
    qemu-hook --check quick
    start_guest quick
    expect_running quick
    expect_driver vfio-pci "$nic" "$edu"
    destroy_guest quick
    expect_same_state "$before"
done
kill $!
sort "$scratch/contexts" | uniq --count
expect_eq "where the hook runs" virt_hook_unconfined_t "$(cut -d: -f3 "$scratch/contexts" | sort --unique)"

step "a card"
define_guest card "${card[@]}"
start_guest card
expect_driver vfio-pci "${card[@]}"
destroy_guest card
expect_same_state "$before"

step "the audit log"
printf '%s\n' "$denied" | grep --max-count=3 'virtqemud_t' || fail "nothing was denied without the module"
case_began=$began_well
printf '%s\n' "$(denials)"
expect_no_match "denials" 'virt_hook_unconfined_t|qemu_hook_exec_t' "$(denials)"
