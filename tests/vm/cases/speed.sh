# shellcheck shell=bash source=../lib.sh
# limit: 900
# Runs by name only, and fails for no number. What a prepare of a card of three functions costs: by libvirt, by sysfs alone,
# and the bare writes to sysfs; for this hook, and for another one to compare with if its path is given as $1 or it lies at
# /mnt/vm/before (the machine's folder `share`). Then prepare and release against a shell hook that calls `virsh
# nodedev-detach` and `nodedev-reattach` for each. Each round does all of them in turn. CPU is that of the caller's child and
# its children, with the kernel's time for them.
. ./lib.sh
rounds=5
before=$(host_state)
define_guest win10 "${card[@]}"
virsh dumpxml win10 >win10.xml
# So that a daemon's first detach, modprobe and the pages of the programs are nobody's.
start_guest win10
destroy_guest win10

host_conf=/etc/libvirt/qemu-hook/host.toml
cp "$host_conf" host.toml
at_end cp "$scratch/host.toml" "$host_conf"
backend() { printf 'backend = "%s"\n' "$1" >"$host_conf"; }

# From one place, under names that are a hook's.
mkdir -p /root/speed
at_end rm -rf /root/speed
cp "$hook" /root/speed/this
hooks=(this)
other=${1:-/mnt/vm/before}
if [ -e "$other" ]; then
    cp "$other" /root/speed/before
    hooks+=(before)
fi
chmod 0755 /root/speed/*

hook_prepare() { "/root/speed/$1" win10 prepare begin - <win10.xml; }
hook_release() { "/root/speed/$1" win10 release end - <win10.xml; }

declare -A driver
names=()
for address in "${card[@]}"; do
    driver[$address]=$(driver_of "$address")
    names+=("pci_${address//[:.]/_}")
done
pci=/sys/bus/pci
bare_prepare() {
    for address in "${card[@]}"; do echo "$address" >"$pci/drivers/${driver[$address]}/unbind"; done
    for address in "${card[@]}"; do
        echo vfio-pci >"$pci/devices/$address/driver_override"
        echo "$address" >"$pci/drivers_probe"
    done
}
bare_release() {
    for address in "${card[@]}"; do
        echo >"$pci/devices/$address/driver_override"
        echo "$address" >"$pci/drivers/vfio-pci/unbind"
        echo "$address" >"$pci/drivers_probe"
    done
}

cat >shell-hook <<'END_OF_HOOK'
#!/bin/bash
case $1 in
    prepare) for device in "${@:2}"; do virsh --quiet nodedev-detach "$device"; done ;;
    release) for device in "${@:2}"; do virsh --quiet nodedev-reattach "$device"; done ;;
esac
END_OF_HOOK
whole_by_hook() { hook_prepare this && hook_release this; }
whole_by_shell() {
    bash shell-hook prepare "${names[@]}"
    bash shell-hook release "${names[@]}"
}

# measure WHAT COMMAND...: adds a line "WHAT WALL USER CPU", in ms, to the file `numbers`.
measure() {
    local what=$1 real user system
    local TIMEFORMAT='%R %U %S'
    shift
    read -r real user system <<<"$({ time "$@" >/dev/null 2>&3 3>&-; } 3>&2 2>&1)"
    echo "$what $real $user $system" |
        awk '{ printf "%s %.0f %.0f %.0f\n", $1, $2 * 1000, $3 * 1000, ($3 + $4) * 1000 }' >>numbers
}

for ((i = 0; i < rounds; i++)); do
    measure bare bare_prepare
    bare_release
    for which in "${hooks[@]}"; do
        for by in libvirt sysfs; do
            backend "$by"
            measure "$which-$by" hook_prepare "$which"
            hook_release "$which"
        done
    done
    backend libvirt
    measure whole-hook whole_by_hook
    measure whole-shell whole_by_shell
done

# median WHAT FIELD: 2 wall, 3 user CPU, 4 all CPU
median() { awk -v what="$1" -v field="$2" '$1 == what { print $field }' numbers | sort -n | sed -n "$((rounds / 2 + 1))p"; }
ratio() { awk -v a="$2" -v b="$3" -v what="$1" 'BEGIN { printf "  %-52s %.2f\n", what, (b > 0 ? a / b : 0) }'; }
report() {
    printf '  %-34s wall %5d ms, CPU %5d ms, of that user %5d ms\n' "$2" "$(median "$1" 2)" "$(median "$1" 4)" "$(median "$1" 3)"
}
own() { echo $(($(median "$1-sysfs" 4) - $(median bare 4))); }

printf 'prepare of 3 functions, medians of %d\n' "$rounds"
report bare 'the bare writes'
for which in "${hooks[@]}"; do
    report "$which-libvirt" "$which, by libvirt"
    report "$which-sysfs" "$which, by sysfs alone"
done
for which in "${hooks[@]}"; do
    ratio "$which: wall by libvirt / by sysfs" "$(median "$which-libvirt" 2)" "$(median "$which-sysfs" 2)"
    printf '  %-52s %d ms\n' "$which: CPU by sysfs less the bare writes" "$(own "$which")"
done
if [ "${#hooks[@]}" -gt 1 ]; then
    ratio 'that CPU, this / before' "$(own this)" "$(own before)"
    for by in libvirt sysfs; do
        ratio "wall by $by, this / before" "$(median "this-$by" 2)" "$(median "before-$by" 2)"
    done
fi
printf 'prepare and release of 3 functions\n'
report whole-shell 'shell hook'
report whole-hook 'qemu-hook'
# The hook unbinds the host's drivers itself, so that is in its kernel time; for virsh the daemon does it.
ratio 'user CPU, qemu-hook / shell hook' "$(median whole-hook 3)" "$(median whole-shell 3)"
ratio 'CPU, qemu-hook / shell hook' "$(median whole-hook 4)" "$(median whole-shell 4)"
expect_same_state "$before"
