# shellcheck shell=bash
# The programs that the VM needs on this machine.
# shellcheck source-path=SCRIPTDIR source=../../packages.sh
. "$vm_home/../packages.sh"

# need COMMAND_OR_FILE=PACKAGE...: installs the Debian packages of what is missing, or names them.
need() {
    local pair missing=()
    for pair in "$@"; do
        [ -e "${pair%%=*}" ] || command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        die "missing here: ${missing[*]} (Debian's package names); as root: apt-get install ${missing[*]}"
    fi
    timed "installing ${missing[*]}" install_packages "${missing[@]}"
}
