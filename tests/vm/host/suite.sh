# shellcheck shell=bash
# The cases: carry the hook into the machine, install it there, run each case, report.

case_limit=300 # seconds, unless a case has a line `# limit: SECONDS`

# test_suite SUITE [CASE...]
test_suite() {
    local suite=$1 stop_after=yes status=0
    shift
    if [ "${1-}" = shared ]; then collect_share "$suite"; else collect_cases "$suite" "$@"; fi
    take_machine "$suite"
    [ -x "$checkout/build/qemu-hook" ] || die "build/qemu-hook is not there: cmake -B build && cmake --build build"

    if is_running "$suite"; then stop_after=no; fi
    # shellcheck disable=SC2064 # the suite of now
    [ "$stop_after" = no ] || trap "stop_machine $suite" EXIT
    boot_options=$(boot_options_of "${cases[0]}")
    prepare_machine "$suite"
    run_cases "$suite" || status=1
    return "$status"
}

# take_machine SUITE: until this process ends no other test runs in that machine; a case expects the devices for itself.
take_machine() {
    mkdir -p "$vm_data/run"
    exec {machine_lock}>"$(run_of "$1").test"
    flock --nonblock "$machine_lock" || {
        say "another test runs in the $1 machine: waiting for its end"
        flock "$machine_lock"
    }
}

# test_all [shared | CASE...]: every suite, side by side, each line with its suite's name in front.
test_all() {
    local suite logs runs=() shows=() status=0
    logs=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$logs'" EXIT
    for suite in "${suites[@]}"; do
        : >"$logs/$suite"
        test_suite "$suite" "$@" >"$logs/$suite" 2>&1 &
        runs+=($!)
        tail --bytes=+1 --follow --sleep-interval=0.2 --pid=$! "$logs/$suite" | sed --unbuffered "s/^/$suite: /" &
        shows+=($!)
    done
    trap 'kill "${runs[@]}" 2>/dev/null; wait "${runs[@]}"; exit 130' INT TERM
    for run in "${runs[@]}"; do wait "$run" || status=1; done
    wait "${shows[@]}"
    sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$logs"/* |
        awk '{ passed += $1; failed += $2 } END { printf "%d passed, %d failed\n", passed, failed }'
    return "$status"
}

prepare_machine() {
    local try
    for try in 1 2; do
        start_machine "$1"
        stage "$1"
        if timed "installing the hook" install_hook "$1"; then return; fi
        # A machine that has died is booted anew, once.
        if [ "$try" -eq 2 ] || is_running "$1"; then die "the hook could not be installed"; fi
        show_machine_log "$1"
    done
}

# collect_cases SUITE [NAME...]: sets $cases, paths; a name is that of a file below cases/, with or without its number or
# .sh. Without a name: all of the suite. Those with a line "# suite: desktop" belong to the suites DEBIAN-desktop, and to no other;
# so with any word in place of "desktop". The suites DEBIAN-modular and DEBIAN-simpledrm take the cases of the plain ones that
# have a line "# modular", those about the daemon, or "# simpledrm", those about the screen.
collect_cases() {
    local suite=$1 name path
    shift
    cases=()
    if [ $# -eq 0 ]; then
        if [[ $suite = *-modular || $suite = *-simpledrm ]]; then
            mapfile -t cases < <(grep --files-with-matches "^# ${suite#*-}\$" "$vm_home"/cases/[0-9]*.sh)
        elif [[ $suite = *-* ]]; then
            mapfile -t cases < <(grep --files-with-matches "^# suite: ${suite#*-}\$" "$vm_home"/cases/[0-9]*.sh)
        else
            mapfile -t cases < <(grep --files-without-match '^# suite: ' "$vm_home"/cases/[0-9]*.sh)
        fi
        [ "${#cases[@]}" -gt 0 ] || die "no case of $suite runs without being named"
        # Those that want a boot of their own come last.
        mapfile -t cases < <(grep --files-without-match '^# boot: ' "${cases[@]}"
            grep --files-with-matches '^# boot: ' "${cases[@]}")
        return
    fi
    for name in "$@"; do
        name=$(basename "$name" .sh)
        for path in "$vm_home/cases/$name.sh" "$vm_home"/cases/*-"$name.sh" "$vm_home/cases/$name"-*.sh; do
            [ ! -e "$path" ] || break
        done
        [ -e "$path" ] || die "no case named $name in tests/vm/cases"
        cases+=("$path")
    done
}

# collect_share SUITE: sets $cases to the suite's part where each case runs once: the suites take turns, but a case with a
# line `# every suite` runs in all of them. One with a line `# long`, of minutes, runs in none.
collect_share() {
    local path share=() turn=0
    collect_cases "$1"
    for path in "${cases[@]}"; do
        if grep --quiet '^# every suite$' "$path"; then
            share+=("$path")
        elif grep --quiet '^# long$' "$path"; then
            continue
        else
            [ "${suites[turn % ${#suites[@]}]}" != "$1" ] || share+=("$path")
            turn=$((turn + 1))
        fi
    done
    cases=("${share[@]}")
}

# What the machine needs: the installer, what the build installs, the cases.
stage() {
    local share
    share=$(run_of "$1")/share
    rm -rf --one-file-system "$share/checkout"
    mkdir -p "$share/checkout"
    DESTDIR=$share/checkout/tree cmake --install "$checkout/build" --prefix /usr >/dev/null
    cp -r "$checkout/install" "$vm_home/cases" "$vm_home/lib.sh" "$vm_home/lib" "$share/checkout/"
    # Of `install/package deb`, for the case about it.
    find "$checkout/build/package/deb" -name 'qemu-hook_*.deb' -exec cp {} "$share/checkout/" \; 2>/dev/null || true
}

install_hook() {
    local suite=$1 log
    log=$(run_of "$suite")/install.log
    run_job "$suite" 600 >"$log" <<'END' || { cat "$log" >&2; return 1; }
set -e
cd /mnt/vm/checkout
install/install.sh --tree tree
. ./lib.sh
trap - EXIT
record_baseline
END
}

boot_options_of() { sed -n 's/^# boot: //p' "$1"; }

# boot_as_wanted SUITE CASE: a machine with other kernel options than the case wants is booted anew.
boot_as_wanted() {
    boot_options=$(boot_options_of "$2")
    [ "$(cat "$(run_of "$1")/boot" 2>/dev/null)" != "$boot_options" ] || return 0
    stop_machine "$1"
    prepare_machine "$1"
}

# How many cases of a suite are tried once more, in a fresh machine. An emulated machine beside other work stalls for
# seconds, and a case may take that for the hook's doing; what is broken fails twice, or in many cases.
second_tries=${VM_SECOND_TRIES:-2}

# A machine that dies (its kernel panics, or QEMU ends) says nothing about the case. So that does not count as a second try;
# what kills its machine each time has failed.
deaths_of_a_case=2

# A case with a line `# once` is about what happened in the machine before it.
may_try_again() { ! grep --quiet '^# once$' "$1"; }

run_cases() {
    local suite=$1 path status why deaths tried tries=0 passed=0 failed=0
    for path in "${cases[@]}"; do
        boot_as_wanted "$suite" "$path"
        deaths=0 tried=no why=''
        until
            status=0
            run_case "$suite" "$path" || status=$?
            [ "$status" -eq 0 ]
        do
            if ! is_running "$suite" && [ "$deaths" -lt "$deaths_of_a_case" ]; then
                deaths=$((deaths + 1))
                why='lost its machine'
            elif [ "$tried" = no ] && [ "$tries" -lt "$second_tries" ] && may_try_again "$path"; then
                tried=yes
                tries=$((tries + 1))
                why='failed'
            else
                break
            fi
            fresh_machine "$suite"
        done
        if [ "$status" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
        if [ "$status" -eq 0 ] && [ -n "$why" ]; then
            echo "UNSTEADY: $(basename "$path" .sh) $why, and passed in a fresh machine"
        fi
        case $status in
            12[45] | 137) # over its limit, no answer, killed: what hung may hang the next one too
                echo "      the case was cut off, so the next one gets a fresh machine"
                fresh_machine "$suite"
                ;;
        esac
    done
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# run_case SUITE CASE: prints its line of the report, and its log where it failed. Returns its exit status.
run_case() {
    local suite=$1 name log limit begin=$EPOCHREALTIME status
    name=$(basename "$2" .sh)
    log=$(run_of "$suite")/logs/$name.log
    limit=$(sed -n 's/^# limit: \([0-9]*\)$/\1/p' "$2")
    : >"$log"
    while true; do
        status=0
        echo "cd /mnt/vm/checkout && exec bash cases/$name.sh" |
            run_job "$suite" "${limit:-$case_limit}" >>"$log" 2>&1 || status=$?
        [ "$status" -eq 88 ] || break # 88: the case goes on after a reboot
        reboot_machine "$suite" >>"$log" 2>&1 || break
    done
    if [ "$status" -eq 0 ]; then
        printf 'ok    %-36s %6s s\n' "$name" "$(seconds_since "$begin")"
        return
    fi
    printf 'FAIL  %-36s %6s s\n' "$name" "$(seconds_since "$begin")"
    sed 's/^/    /' "$log"
    cp "$log" "$log.failed"
    return "$status"
}

fresh_machine() {
    is_running "$1" || show_machine_log "$1"
    stop_machine "$1"
    prepare_machine "$1"
}
