# shellcheck shell=bash disable=SC2034
# What a bare Debian 12 or 13 needs to build and test; sourced by the scripts that begin from nothing.

build_packages=(cmake g++ make libvirt-dev libpugixml-dev libtomlplusplus-dev libexpected-dev nlohmann-json3-dev scdoc doctest-dev)
selinux_packages=(secilc setools policycoreutils bzip2)
vm_packages=(qemu-system-x86 ovmf mmdebstrap e2fsprogs)
package_packages=(git dpkg-dev debhelper pkgconf fakeroot lintian rpm rpmlint makepkg pacman-package-manager libarchive-tools nix-bin)

# install_missing PACKAGE...: by apt, as root; else says what is missing.
install_missing() {
    local package missing=()
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        printf 'missing: %s (Debian'"'"'s package names)\nas root: apt-get install %s\n' "${missing[*]}" "${missing[*]}" >&2
        return 1
    fi
    install_packages "${missing[@]}"
}

# install_packages PACKAGE...: silent, unless it fails.
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
