# shellcheck shell=bash
# The programs that the VM needs on this machine.

# need COMMAND=PACKAGE...: installs the Debian packages of the commands that are missing, or names them.
need() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        die "missing here: ${missing[*]} (Debian's package names); as root: apt-get install ${missing[*]}"
    fi
    timed "installing ${missing[*]}" install_packages "${missing[@]}"
}

install_packages() {
    local log
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } \
        >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
