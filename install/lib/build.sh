# shellcheck shell=bash
# Building what is installed, and what that needs. Sourced by install.sh.

apt_packages=(cmake g++ make libvirt-dev libpugixml-dev libtomlplusplus-dev libexpected-dev
    nlohmann-json3-dev scdoc)
headers=(libvirt/libvirt.h pugixml.hpp toml++/toml.h tl/expected.hpp nlohmann/json.hpp)

missing_apt_packages() {
    local package
    for package in "${apt_packages[@]}"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
    done
}

install_apt_packages() {
    local missing
    mapfile -t missing < <(missing_apt_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    is_root || die "these packages are missing: ${missing[*]}" "sudo apt-get install ${missing[*]}"
    say "installing the packages that the build needs: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && return
    apt-get update -qq || note "apt-get update failed"
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        die "apt-get could not install them" "apt-get update; apt-get install ${missing[*]}"
}

# What the compiler finds counts, not what a package is called.
missing_tools_and_headers() {
    local name
    for name in cmake c++ make; do
        command -v $name >/dev/null || printf '%s\n' "$name"
    done
    command -v c++ >/dev/null || return 0
    for name in "${headers[@]}"; do
        printf '#include <%s>\n' "$name" | c++ -std=c++20 -E -x c++ - >/dev/null 2>&1 || printf '<%s>\n' "$name"
    done
}

package_hint() {
    if command -v dnf >/dev/null; then
        say "dnf install cmake gcc-c++ make libvirt-devel pugixml-devel tomlplusplus-devel expected-devel" \
            "json-devel scdoc"
    elif command -v pacman >/dev/null; then
        say "pacman -S --needed cmake gcc make libvirt pugixml tomlplusplus tl-expected nlohmann-json scdoc"
    elif command -v zypper >/dev/null; then
        say "zypper install cmake gcc-c++ make libvirt-devel pugixml-devel tomlplusplus-devel" \
            "tl-expected-devel nlohmann_json-devel scdoc"
    else
        say "needed: CMake, a C++20 compiler, make; the headers of libvirt, pugixml, toml++," \
            "tl::expected, nlohmann-json; for the manual, scdoc"
    fi
}

need_packages() {
    local missing
    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        install_apt_packages
        return
    fi
    say "the build needs these packages: $(package_hint)"
    missing=$(missing_tools_and_headers)
    [ -z "$missing" ] || die "missing for the build: ${missing//$'\n'/, }" "$(package_hint)"
}

run_cmake() {
    cmake -S "$checkout" -B "$checkout/build" -DQH_TESTS=OFF -DCMAKE_UNITY_BUILD=ON &&
        cmake --build "$checkout/build" --parallel "$(nproc 2>/dev/null || echo 2)" &&
        rm -rf "$checkout/build/tree" &&
        DESTDIR=$checkout/build/tree cmake --install "$checkout/build" --prefix /usr
}

build() {
    local log=$checkout/build/install.log
    say "building $checkout/build/qemu-hook"
    mkdir -p "$checkout/build" || die "cannot make the folder $checkout/build"
    if ! run_cmake >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        die "the build failed" "its full output is in $log"
    fi
    # Built with sudo in a user's checkout, the folder must not be in the way of the user's next build.
    [ -O "$checkout" ] || chown -R --reference="$checkout" "$checkout/build" || true
    tree=$checkout/build/tree
}

get_tree() {
    if [ -z "$tree" ]; then
        need_packages
        build
    fi
    [ -f "$tree$binary" ] || die "there is no binary $tree$binary"
}
