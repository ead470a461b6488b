# shellcheck shell=bash
# Saying what must be, and waiting for it.

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# step MESSAGE: a line in the log, with the seconds since the case began.
step() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

# expect_eq WHAT WANTED GOT
expect_eq() {
    [ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}

# expect_match WHAT EXTENDED_REGEX TEXT
expect_match() {
    grep --quiet --extended-regexp -e "$2" <<<"$3" || fail "$1: nothing matches /$2/ in: $3"
}

# expect_no_match WHAT EXTENDED_REGEX TEXT
expect_no_match() {
    ! grep --quiet --extended-regexp -e "$2" <<<"$3" || fail "$1: /$2/ must not be in: $3"
}

# expect_refused COMMAND...: it must fail; sets $output to all that it said.
expect_refused() {
    local status=0
    output=$("$@" 2>&1) || status=$?
    printf '%s: exit status %s\n%s\n' "$*" "$status" "$output"
    [ "$status" -ne 0 ] || fail "$*: succeeded"
    [ "$status" -ne 124 ] || fail "$*: no end in time" # timeout's
}

# wait_until SECONDS WHAT COMMAND...
wait_until() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "waited in vain for $what"
        sleep 0.2
    done
}
