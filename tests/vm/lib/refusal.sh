# shellcheck shell=bash
# A guest that must not start: `--check` says so before, `virsh start` says the same, and nothing has changed.

# expect_refusal GUEST CHECK EXTENDED_REGEX: the finding of that check, an error, matches. Sets $output to what virsh said.
expect_refusal() {
    local guest=$1 check=$2 regex=$3 before message began
    before=$(host_state)
    step "$guest: --check"
    message=$(finding_of "$guest" "$check")
    expect_match "what --check says of $check" "$regex" "$message"
    ! qemu-hook --check "$guest" >"$scratch/check" || fail "--check $guest: exit status 0"
    cat "$scratch/check"
    step "$guest: virsh start"
    began=$(date +%s%N)
    expect_refused virsh start "$guest"
    printf 'refused after %d ms\n' $((($(date +%s%N) - began) / 1000000))
    grep --quiet --fixed-strings -e "$message" <<<"$output" || fail "virsh start does not say what --check says: $message"
    expect_same_state "$before"
}

# finding_of GUEST CHECK [SEVERITY]: the messages of its errors, as `--check --json` gives them, one a line.
finding_of() {
    { qemu-hook --check "$1" --json || true; } |
        sed -n "/\"check\": \"$2\"/,/}/{/\"severity\": \"${3:-error}\"/,/}/s/^ *\"message\": \"\\(.*\\)\",\$/\\1/p}" |
        sed 's/\\"/"/g'
}
