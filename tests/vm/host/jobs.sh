# shellcheck shell=bash
# Commands for the running machine. A job is a folder on the share: we write `script`, `limit` and `ready`, and ring the
# `bell`; the agent (tests/vm/agent) writes `output` while it runs and `status` when it has ended.

# run_job SUITE LIMIT_SECONDS <SCRIPT: prints its output as it comes, returns its exit status (124: over the limit).
run_job() {
    local suite=$1 limit=$2 job watcher follower status
    job=$(mktemp -d "$(run_of "$suite")/share/jobs/XXXXXX")
    cat >"$job/script"
    echo "$limit" >"$job/limit"
    : >"$job/output"
    : >"$job/ready"
    ring_bell "$suite"

    wait_for_job "$suite" "$job" "$limit" &
    watcher=$!
    tail --bytes=+1 --follow --sleep-interval=0.1 --pid="$watcher" "$job/output" 2>/dev/null &
    follower=$!
    # A job whose starter is interrupted is ended too. (A trap waits for a foreground process, but not for `wait`.)
    trap ': >"$job/cancel"; ring_bell "$suite"; kill "$watcher" "$follower" 2>/dev/null; exit 130' INT TERM
    wait "$follower"
    wait "$watcher" || {
        : >"$job/cancel"
        ring_bell "$suite"
        if is_running "$suite"; then say "vm: no answer within $limit s"; else say "vm: the $suite machine ended"; fi
        return 125
    }
    trap - INT TERM
    status=$(cat "$job/status")
    rm -rf "$job"
    return "$status"
}

ring_bell() { : >"$(run_of "$1")/share/jobs/bell"; }

# The agent enforces the limit; this one is for an agent, or a machine, that is no more.
wait_for_job() {
    local suite=$1 job=$2 deadline=$((SECONDS + $3 + 45))
    until [ -e "$job/status" ]; do
        if [ "$SECONDS" -ge "$deadline" ] || ! is_running "$suite"; then return 1; fi
        [ ! -e "$(run_of "$suite")/share/wanted-picture" ] || give_picture "$suite"
        sleep 0.1
    done
}
