# shellcheck shell=bash source=../lib.sh
# No display manager: a login at a console starts weston, which takes one card and leaves the second alone. A guest has that
# three times over, unreserved.
# suite: desktop
# limit: 1800
. ./lib.sh
log_in_at_console
define_guest second "${card[@]}"
beside_desktop 3 weston foot
