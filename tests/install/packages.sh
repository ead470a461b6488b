#!/bin/bash
# The packages of the last commit (install/package): they build, lintian and rpmlint have nothing to say, and they hold what
# they should. Needs the tools in `package_packages` (tests/packages.sh), and root where an RPM or a deb is installed into
# a folder.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit
out=$PWD/build/package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^project(qemu-hook VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
commit=$(git describe --always)
passed=0 failed=0

fail() {
    printf '    %s\n' "$@"
    exit 1
}
has() { grep -qE -- "$2" <<<"$1" || fail "nothing matches $2 in:" "$1"; }
has_not() { ! grep -E -- "$2" <<<"$1" || fail "$2 should not be there"; }
build() { install/package "$@" >"$work/log" 2>&1 || fail "install/package $* fails" "$(tail -n 30 "$work/log")"; }

test_versions_agree() {
    has "$(head -n 1 install/debian/changelog)" "^qemu-hook \\($version-"
    has "$(<install/rpm/qemu-hook.spec)" "^Version: +$version$"
    has "$(<install/arch/PKGBUILD)" "^pkgver=$version$"
    has "$(<install/nix/default.nix)" "version = \"$version\";"
}

test_tarball_names_its_commit() {
    build tarball
    [ "$(tar -xOf "$out/qemu-hook-$version.tar.gz" "qemu-hook-$version/install/commit")" = "$commit" ] || fail "no commit"
}

# common_files LIST: of any package.
common_files() {
    has "$1" '/etc/libvirt/hooks/qemu\.d/50-qemu-hook -> /usr/s?bin/qemu-hook$'
    has "$1" '/etc/libvirt/hooks/daemon\.d/50-qemu-hook -> /usr/s?bin/qemu-hook$'
    has_not "$1" '/etc/libvirt/hooks/qemu( |$)'
    has "$1" '/usr/s?bin/qemu-hook$'
    has "$1" '/man8/qemu-hook\.8(\.gz)?$'
    has "$1" '/man5/qemu-hook\.toml\.5(\.gz)?$'
    has "$1" '/etc/libvirt/qemu-hook/host\.toml$'
    has "$1" '/systemd/catalog/qemu-hook\.catalog$'
    has "$1" '/qemu-hook/packaged$'
    has_not "$1" '/etc/(udev|modprobe\.d|default)|/run/|/var/'
}

test_deb() {
    build deb
    local deb list
    lintian --fail-on error,warning --display-info --pedantic --tag-display-limit 0 "$out"/deb/*.changes ||
        fail "lintian complains"
    deb=$(ls "$out"/deb/qemu-hook_*.deb)
    list=$(dpkg-deb --contents "$deb")
    common_files "$list"
    has "$list" '/usr/share/zsh/vendor-completions/_qemu-hook$'
    has "$(dpkg-deb --field "$deb" Depends)" 'libvirt0 \(>= 6\.5\)'
    dpkg-deb --control "$deb" "$work/control"
    [ "$(sort "$work/control/conffiles")" = "$(printf '/etc/libvirt/qemu-hook/%s\n' guests/example.toml.sample host.toml)" ] ||
        fail "conffiles: $(<"$work/control/conffiles")"
    dpkg-deb --extract "$deb" "$work/deb"
    has "$("$work/deb/usr/sbin/qemu-hook" --version)" "^qemu-hook $version \\($commit\\)"
}

test_rpm() {
    build rpm --nodeps # they are packages of another distribution
    local rpm selinux list
    rpm=$(find "$out/rpm/RPMS" -name 'qemu-hook-[0-9]*.rpm')
    selinux=$(find "$out/rpm/RPMS" -name 'qemu-hook-selinux-[0-9]*.noarch.rpm')
    (cd "$work" && rpmlint --rpmlintrc "$OLDPWD/install/rpm/rpmlintrc" "$OLDPWD/install/rpm/qemu-hook.spec" "$rpm" "$selinux") >"$work/log" 2>&1
    has "$(<"$work/log")" ' 0 errors, 0 warnings'
    list=$(rpm --query --package --list --verbose "$rpm")
    common_files "$list"
    has "$list" '/usr/share/zsh/site-functions/_qemu-hook$'
    has_not "$list" '\.cil$'
    [ "$(rpm --query --package --list "$selinux")" = /usr/share/qemu-hook/qemu_hook.cil ] || fail "files of -selinux"
    [ "$(rpm --query --package --configfiles "$rpm" | sort)" = \
        "$(printf '/etc/libvirt/qemu-hook/%s\n' guests/example.toml.sample host.toml)" ] || fail "its confs"
    rpm --root "$work/rpm" --install --nodeps --noscripts "$rpm" "$selinux" || fail "rpm cannot install it"
    has "$("$work/rpm/usr/sbin/qemu-hook" --version)" "^qemu-hook $version \\($commit\\)"
}

test_arch() {
    bash -n install/arch/PKGBUILD || fail "PKGBUILD"
    local as=()
    cp -r install/arch "$work/arch"
    if [ "$(id -u)" -eq 0 ]; then # whom makepkg refuses
        chmod 711 "$work"
        chown -R 65534 "$work/arch"
        as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    fi
    has "$(cd "$work/arch" && "${as[@]}" makepkg --printsrcinfo 2>&1)" 'pkgname = qemu-hook'
}

test_nix() {
    local file
    for file in install/nix/*.nix; do nix-instantiate --parse "$file" >/dev/null || fail "$file"; done
}

for name in $(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p' | grep -e "${1:-}"); do
    if ("$name"); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n' "$name"
    fi
done
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
