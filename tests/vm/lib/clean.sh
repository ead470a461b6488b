# shellcheck shell=bash
# The end of a case: the story of a failure, and a host as good as new for the next case.

baseline=/run/vm-baseline
case_began=$(date '+%Y-%m-%d %H:%M:%S.%6N')

# record_baseline: the state that each case starts from; the first of a boot counts.
record_baseline() { [ -e "$baseline" ] || host_state >"$baseline"; }

# reboot_and_go_on: the machine is booted anew, and the case runs again from its beginning. For once nothing is cleaned up.
reboot_and_go_on() {
    trap - EXIT
    exit 88 # host/suite.sh knows it
}

# at_end COMMAND...: what a case has changed about the machine is put back, however the case ends.
ends=()
at_end() { ends+=("$(printf '%q ' "$@")"); }

finish_case() {
    local status=$? end
    trap - EXIT
    set +e
    cd /
    for end in "${ends[@]}"; do eval "$end"; done
    if [ "$status" -ne 0 ]; then
        show_stuck
        echo "--- the log of the hook, libvirtd and the kernel during this case"
        show_log | tail -n 60
    fi
    # shellcheck disable=SC2046 # several words
    kill $(jobs -p) 2>/dev/null
    release_stuck_driver
    remove_guests
    stop_desktop
    [ "$status" -eq 0 ] || repair_host # a case that passed has compared
    rm -rf "$scratch"
    exit "$status"
}
trap finish_case EXIT

remove_guests() {
    local name
    # One name a line; a name may hold anything else.
    virsh --quiet list --name | while IFS= read -r name; do
        [ -z "$name" ] || virsh --quiet destroy "$name" </dev/null >/dev/null
    done
    virsh --quiet list --all --name | while IFS= read -r name; do
        [ -z "$name" ] || virsh --quiet undefine "$name" </dev/null >/dev/null
    done
    rm -f "$confs"/*.toml
}

# Whatever image/qh_stuck.c holds, it lets go of.
release_stuck_driver() {
    let_go_of_lock
    [ -e "$stuck" ] || return 0
    echo 1 >"$stuck/let_go"
    echo 1 >"$stuck/let_in"
    timeout 20 modprobe -r qh_stuck
}

# repair_host: by force, and only what differs.
repair_host() {
    local device address wanted
    [ -e "$baseline" ] && [ "$(host_state)" != "$(<"$baseline")" ] || return 0
    rm -rf "${run_folder:?}"/*
    for device in /sys/bus/pci/devices/*; do
        address=${device##*/}
        wanted=$(sed -n "s/^driver of $address: //p" "$baseline")
        [ "$(driver_of "$address")" != "${wanted:-none}" ] || continue
        echo "repairing $address: $(driver_of "$address") -> ${wanted:-none}"
        # shellcheck disable=SC2016 # expanded by the inner shell
        timeout 20 bash -c '
            echo >"$0/driver_override"
            [ ! -e "$0/driver" ] || echo "${0##*/}" >"$0/driver/unbind"
            echo "${0##*/}" >/sys/bus/pci/drivers_probe' "$device"
    done
}
