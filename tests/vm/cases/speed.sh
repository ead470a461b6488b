# shellcheck shell=bash source=../lib.sh
# Runs by name only, and fails for no number: what prepare and release of a card of three functions cost, against a shell
# hook that calls `virsh nodedev-detach` and `nodedev-reattach` for each. CPU of the hook and its children.
. ./lib.sh
rounds=10
before=$(host_state)
define_guest win10 "${card[@]}"
virsh dumpxml win10 >win10.xml

cat >shell-hook <<'END'
#!/bin/bash
case $2 in
    prepare) for device in "${@:3}"; do virsh --quiet nodedev-detach "$device"; done ;;
    release) for device in "${@:3}"; do virsh --quiet nodedev-reattach "$device"; done ;;
esac
END
names=()
for address in "${card[@]}"; do names+=("pci_${address//[:.]/_}"); done

both_by_hook() {
    "$hook" win10 prepare begin - <win10.xml
    "$hook" win10 release end - <win10.xml
}
both_by_shell() {
    bash shell-hook win10 prepare "${names[@]}" >/dev/null
    bash shell-hook win10 release "${names[@]}" >/dev/null
}

# median COMMAND: sets $user, $cpu (with the kernel's time for it) and $wall, in ms.
median() {
    local users=() cpus=() walls=() real user_s sys_s
    local TIMEFORMAT='%R %U %S'
    for ((i = 0; i < rounds; i++)); do
        read -r real user_s sys_s <<<"$({ time "$1" 2>&3 3>&-; } 3>&2 2>&1 >/dev/null)"
        users+=("$(awk "BEGIN { printf \"%d\", $user_s * 1000 }")")
        cpus+=("$(awk "BEGIN { printf \"%d\", ($user_s + $sys_s) * 1000 }")")
        walls+=("$(awk "BEGIN { printf \"%d\", $real * 1000 }")")
    done
    user=$(middle "${users[@]}") cpu=$(middle "${cpus[@]}") wall=$(middle "${walls[@]}")
}
middle() { printf '%s\n' "$@" | sort -n | sed -n "$((rounds / 2 + 1))p"; }

printf 'prepare and release of 3 functions, medians of %d\n' "$rounds"
report() { printf '  %-12s user CPU %4d ms, with the kernel'"'"'s %4d ms, wall %4d ms\n' "$1" "$user" "$cpu" "$wall"; }
median both_by_shell
report "shell hook"
shell_user=$user shell_cpu=$cpu
median both_by_hook
report qemu-hook
# The hook unbinds the host's drivers itself, so that is in its kernel time; for virsh the daemon does it.
awk "BEGIN { printf \"ratio: user CPU %.2f, with the kernel's %.2f\\n\", $user / $shell_user, $cpu / $shell_cpu }"
expect_same_state "$before"
