# shellcheck shell=bash source=../lib.sh
# A device that is not there: refused with a reason that names it, and the guest's other device untouched.
. ./lib.sh
before=$(host_state)
define_guest wishful managed=no "$nic" "$missing"

expect_refused virsh start wishful
expect_match "what virsh says" "Hook script execution failed.*$missing" "${output//$'\n'/ }"
reason=${output#*exit status 1: }
[ "$(wc -l <<<"$reason")" -le 10 ] || fail "the reason is longer than ten lines"
expect_same_state "$before"
