#!/bin/bash
# Tests of install/install.sh: everything happens in a temporary folder, with what the build installs but a stand-in for
# the binary, a stand-in for the libvirt daemon and stubs for virsh, systemctl and the like. `run.sh [PATTERN]` runs the tests whose name matches.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
installer=$here/../../install/install.sh
shipped=$here/../../etc-libvirt
build=$here/../../build
work=$(mktemp -d)
daemon_pid=''
trap '[ -z "$daemon_pid" ] || kill "$daemon_pid"; rm -rf "$work"' EXIT
passed=0 failed=0

# --- asserts: a test fails at its first one ---------------------------------------------------------------------------

fail() {
    printf '    %s\n' "$@"
    [ ! -s "$work/output" ] || sed 's/^/    | /' "$work/output"
    exit 1
}

is() { [ "$1" = "$2" ] || fail "$3" "expected: $2" "got:      $1"; }
exists() { [ -e "$root$1" ] || [ -L "$root$1" ] || fail "$1 should be there"; }
absent() { if [ -e "$root$1" ] || [ -L "$root$1" ]; then fail "$1 should not be there"; fi; }
says() { grep -qF -- "$1" "$work/output" || fail "should say: $1"; }
silent_on() { ! grep -qF -- "$1" "$work/output" || fail "should not say: $1"; }
link_is() { is "$(readlink "$root$1")" /usr/sbin/qemu-hook "$1 is the link"; }
mode_is() { is "$(stat -c %a "$root$1")" "$2" "mode of $1"; }
only_main_link() {
    link_is $main
    absent $extra
    link_is $at_start
}
only_extra_link() {
    link_is $extra
    link_is $at_start
    ! grep -q qemu-hook <(readlink "$root$main") || fail "the hook is there twice"
}

# All that there is below the root: kind, mode, name, target or content.
tree() {
    (cd "$root" && find . -path ./proc -prune -o -printf '%y %m %p %l\n' | sort &&
        find . -path ./proc -prune -o -type f -exec sha256sum {} + | sort)
}
tree_is() { is "$(tree)" "$1" "the tree is as it was"; }
times() { (cd "$root" && find . -path ./proc -prune -o -printf '%p %i %T@\n' | sort); }

# --- what a test works with -------------------------------------------------------------------------------------------

main=/etc/libvirt/hooks/qemu
extra=/etc/libvirt/hooks/qemu.d/50-qemu-hook
at_start=/etc/libvirt/hooks/daemon.d/50-qemu-hook
host_conf=/etc/libvirt/qemu-hook/host.toml
sample=/etc/libvirt/qemu-hook/guests/example.toml.sample
manifest=/var/lib/qemu-hook/manifest
binary=/usr/sbin/qemu-hook

# What the build installs, with a binary that answers like qemu-hook.
stand_in() { # VERSION
    local tree=$work/qemu-hook-$1
    DESTDIR=$tree cmake --install "$build" --prefix /usr >/dev/null || return
    cat >"$tree$binary" <<END
#!/bin/sh
case \$1 in --version) echo "qemu-hook $1" ;; esac
END
    printf '%s\n' "$tree"
}

run() { # WANTED STATUS, ARGUMENT...
    local status=0 wanted=$1
    shift
    "$installer" "$@" >"$work/output" 2>&1 </dev/null || status=$?
    is "$status" "$wanted" "exit status of install.sh $*"
}

stage() { DESTDIR=$root run "$@"; }
live() { QEMU_HOOK_ROOT=$root PATH=$stubs:$PATH run "$@"; }

foreign_hook() {
    mkdir -p "$root/etc/libvirt/hooks"
    rm -f "$root$main"
    printf '#!/bin/sh\nexit 0\n' >"$root$main"
    chmod 755 "$root$main"
}

guest_conf() {
    printf 'guest = "win10"\n' >"$root/etc/libvirt/qemu-hook/guests/win10.toml"
}

journal() { # FILE NAME
    mkdir -p "$root/run/libvirt/qemu-hook"
    : >"$root/run/libvirt/qemu-hook/$1"
}

stub() { # NAME, script on stdin
    { printf '#!/bin/bash\n' && cat; } >"$stubs/$1"
    chmod 755 "$stubs/$1"
}

# A process that notes the SIGHUPs it gets, and libvirt's traces of it.
start_daemon() { # NAME
    : >"$root/hups"
    bash -c 'trap "echo HUP >>\"$1\"" HUP; touch "$1.ready"; while :; do sleep 0.1; done' daemon "$root/hups" &
    daemon_pid=$!
    while [ ! -e "$root/hups.ready" ]; do sleep 0.02; done
    mkdir -p "$root/run" "$root/proc/$daemon_pid"
    printf %s $daemon_pid >"$root/run/$1.pid"
    printf '%s\n' "$1" >"$root/proc/$daemon_pid/comm"
    stub pidof <<<"[ \$1 = $1 ] && echo $daemon_pid"
}

hups() {
    sleep 0.2
    wc -l <"$root/hups"
}

# virsh that answers as libvirt 9.0 does. $1: "called", "lacking", "deaf" (until the daemon got SIGHUP), "never", "denied",
# "no-iommu", "no-emulator".
libvirt_answers() {
    printf '%s\n' "$1" >"$root/libvirt"
    stub virsh <<'END'
read -r answer <"$QEMU_HOOK_ROOT/libvirt"
xml=$(cat /dev/stdin)
printf '%s\n' "$xml" >"$QEMU_HOOK_ROOT/asked"
echo "$*" >>"$QEMU_HOOK_ROOT/virsh-calls"
hook=$(find "$QEMU_HOOK_ROOT"/etc/libvirt/hooks/qemu* -lname '*qemu-hook')
hook=${hook#"$QEMU_HOOK_ROOT"}
echo "error: Failed to create domain from /dev/stdin" >&2
ended() {
    echo "error: Hook script execution failed: internal error: Child process (LC_ALL=C PATH=/usr/bin $hook" \
        "qemu-hook-probe prepare begin -) unexpected exit status $1: $2" >&2
    exit 1
}
no_device() {
    if [[ $xml == *hostdev* ]]; then echo "error: ${1:-Device fffffffe:ff:1f.7 not found}" >&2
    else echo "error: Cannot access storage file '/nonexistent/qemu-hook-probe': No such file or directory" >&2; fi
    exit 1
}
case $answer in
    called) touch "$QEMU_HOOK_ROOT/etc/libvirt/qemu-hook/guests/qemu-hook-probe.toml"
        ended 1 "qemu-hook: qemu-hook-probe: there is no device fffffffe:ff:1f.7" ;;
    lacking) ended 1 "qemu-hook: libvirt calls the hook.
  context: system_u:system_r:virtqemud_t:s0
  cannot: run modprobe
  hint: load the module" ;;
    deaf) [ -s "$QEMU_HOOK_ROOT/hups" ] && ended 1 "qemu-hook: no device"; no_device ;;
    never) no_device ;;
    no-iommu) no_device "unsupported configuration: host doesn't support passthrough of host PCI devices" ;;
    denied) ended 126 "libvirt: error : cannot execute binary $hook: Permission denied" ;;
    no-emulator) echo "error: invalid argument: could not find capabilities for domaintype=qemu" >&2; exit 1 ;;
esac
END
}

# --- the files --------------------------------------------------------------------------------------------------------

test_fresh_install() {
    stage 0 --tree "$v1"
    mode_is /usr/sbin/qemu-hook 755
    mode_is /etc/libvirt/hooks 755
    mode_is /etc/libvirt/qemu-hook 755
    mode_is /etc/libvirt/qemu-hook/guests 755
    mode_is $host_conf 644
    only_main_link
    cmp "$v1$binary" "$root$binary" || fail "the binary is not the one given"
    cmp "$shipped/qemu-hook/host.toml" "$root$host_conf" || fail "host.toml is not the shipped one"
    exists $sample
    ! command -v scdoc >/dev/null || for page in man8/qemu-hook.8 man5/qemu-hook.toml.5; do exists /usr/share/man/$page; done
    is "$(cd "$v1" && find . -type f ! -exec cmp -s {} "$root"/{} \; -print)" "" "all that the build installs is there"
    is "$(find "$root" -name '.*qemu*')" "" "no temporary file is left"
    says "qemu-hook --setup GUEST"
}

test_root_owns_it() {
    [ "$(id -u)" -eq 0 ] || return 0
    cp -r "$v1" "$work/of-nobody"
    chown -R 65534 "$work/of-nobody"
    stage 0 --tree "$work/of-nobody"
    is "$(stat -c %u:%g "$root/usr/sbin/qemu-hook")" 0:0 "owner of the binary"
}

test_twice_changes_nothing() {
    stage 0 --tree "$v1"
    local before
    before=$(times)
    stage 0 --tree "$v1"
    is "$(times)" "$before" "the second run changes nothing"
    says "nothing to change"
}

test_umask_does_not_matter() {
    (umask 077 && stage 0 --tree "$v1") || exit 1
    mode_is /etc/libvirt/hooks 755
    mode_is /usr/sbin/qemu-hook 755
}

test_upgrade_renames() {
    stage 0 --tree "$v1"
    exec 9<"$root/usr/sbin/qemu-hook"
    stage 0 --tree "$v2"
    is "$(cat <&9)" "$(cat "$v1$binary")" "what runs is not written to"
    cmp "$v2$binary" "$root$binary" || fail "the binary is not the new one"
    only_main_link
}

test_destdir_with_spaces() {
    root="$root/a b"
    stage 0 --tree "$v1"
    only_main_link
    stage 0 --uninstall
    is "$(find "$root" -mindepth 1)" "" "nothing is left"
}

test_relative_destdir() {
    (cd "$root" && DESTDIR=below run 0 --tree "$v1") || exit 1
    root=$root/below
    only_main_link
}

test_called_with_sh() {
    DESTDIR=$root sh "$installer" --tree "$v1" >"$work/output" 2>&1 || fail "sh install.sh fails"
    only_main_link
}

test_without_root() {
    [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || return 0
    chmod 755 "$work" && chown 65534 "$root"
    DESTDIR=$root setpriv --reuid=65534 --regid=65534 --clear-groups "$installer" --tree "$v1" \
        >"$work/output" 2>&1 || fail "staging without root fails"
    only_main_link
    ! setpriv --reuid=65534 --regid=65534 --clear-groups "$installer" --tree "$v1" >"$work/output" 2>&1 ||
        fail "should need root"
    says "this needs root"
}

# --- the call ---------------------------------------------------------------------------------------------------------

test_wrong_calls() {
    stage 2 --no-such-option
    says "unknown option '--no-such-option'"
    stage 2 --tree
    stage 2 --purge
    stage 2 --uninstall --tree "$v1"
    stage 0 --help
    says "--no-reload"
    stage 1 --tree "$work/nowhere"
    says "there is no binary"
    is "$(find "$root" -mindepth 1)" "" "nothing is made"
}

# --- the build --------------------------------------------------------------------------------------------------------

# A checkout of its own, with a cmake that "builds" and installs a stand-in, on a Debian where libpugixml-dev is missing.
own_checkout() {
    mkdir -p "$root/../checkout/build"
    cp -r "$here/../../install" "$root/../checkout/"
    installer=$root/../checkout/install/install.sh
    stub cmake <<<"printf 'cmake %s\\n' \"\$*\"; [ \$1 != --install ] || cp -r '$v1' \"\$DESTDIR\""
    stub apt-get <<<"echo \"\$*\" >>'$root/../apt'"
    # shellcheck disable=SC2016 # the stub expands it
    stub dpkg-query <<<'[ "${!#}" = libpugixml-dev ] || echo installed'
}

test_build() {
    own_checkout
    [ "$(id -u)" -eq 0 ] || stub dpkg-query <<<'echo installed'
    PATH=$stubs:$PATH stage 0
    only_main_link
    [ "$(id -u)" -ne 0 ] ||
        is "$(cat "$root/../apt")" "install -y -qq --no-install-recommends libpugixml-dev" "only what is missing"
    grep -q -e -DQH_TESTS=OFF "$root/../checkout/build/install.log" || fail "the tests are built too"
}

# A package has these links; elsewhere install.sh makes them, if the program runs.
test_links_of_a_package() {
    DESTDIR=$root cmake --install "$build" --prefix /usr --component hook >"$work/output" 2>&1 || fail "cmake fails"
    link_is $extra
    link_is $at_start
    is "$(find "$v1" -path '*/hooks*')" "" "no link unless asked for"
}

test_build_that_fails() {
    own_checkout
    stub dpkg-query <<<'echo installed'
    stub cmake <<<'echo "no compiler" >&2; exit 1'
    PATH=$stubs:$PATH stage 1
    says "no compiler"
    says "the build failed"
    absent /usr
    absent /etc
}

test_packages_that_cannot_be_had() {
    [ "$(id -u)" -eq 0 ] || return 0
    own_checkout
    stub apt-get <<<'exit 100'
    PATH=$stubs:$PATH stage 1
    says "apt-get install libpugixml-dev"
    absent /etc
}

# --- a package --------------------------------------------------------------------------------------------------------

# What a package manager does with what the build installs for a package, and the scripts.
unpack_package() {
    QEMU_HOOK_ROOT=$root "$here/../../install/before-packaged" >"$work/output" 2>&1 || fail "before-packaged fails"
    cp -a "$v2/." "$root/"
    DESTDIR=$root cmake --install "$build" --prefix /usr --component hook >/dev/null
}
packaged() { # WANTED STATUS, VERB
    local status=0
    QEMU_HOOK_ROOT=$root PATH=$stubs:$PATH "$root/usr/share/qemu-hook/packaged" "$2" >"$work/output" 2>&1 || status=$?
    is "$status" "$1" "exit status of packaged $2"
}

test_package_tells_the_daemon() {
    start_daemon virtqemud
    unpack_package
    packaged 0 installed
    only_extra_link
    is "$(hups)" 1 "one SIGHUP"
    packaged 2 nonsense
}

test_package_takes_over() {
    stage 0 --tree "$v1"
    printf '# mine\n' >>"$root$host_conf"
    printf 'old\n' >"$root/usr/share/doc/qemu-hook/LICENSE"
    QEMU_HOOK_ROOT=$root "$here/../../install/before-packaged" || fail "before-packaged fails"
    absent /var/lib/qemu-hook
    absent /usr/share/doc/qemu-hook/LICENSE
    absent $sample
    is "$(tail -n 1 "$root$host_conf")" "# mine" "the conf that was changed"
    only_main_link
    exists $binary
    unpack_package
    packaged 0 installed
    absent $main
    only_extra_link
    packaged 0 installed
    only_extra_link
}

test_package_leaves_foreign_hook() {
    foreign_hook
    unpack_package
    packaged 0 installed
    exists $main
    only_extra_link
}

test_package_stays_while_a_guest_has_devices() {
    unpack_package
    journal "win%2010.journal"
    packaged 1 leaves
    says "qemu-hook: these guests still have devices of the host: win 10"
    silent_on --force
    rm "$root/run/libvirt/qemu-hook/win%2010.journal"
    journal lock
    local rules=/etc/udev/rules.d/72-qemu-hook.rules
    mkdir -p "$root${rules%/*}"
    printf '# Written by qemu-hook: test\n' >"$root$rules"
    packaged 0 leaves
    absent "$rules"
    absent /run/libvirt/qemu-hook
}

test_no_installation_over_a_package() {
    unpack_package
    # shellcheck disable=SC2016 # the stub expands it
    stub dpkg-query <<<'[ "$*" = "-S $QEMU_HOOK_ROOT/usr/sbin/qemu-hook" ]'
    local before
    before=$(tree)
    live 1 --tree "$v1"
    says "installed from a package"
    live 1 --uninstall
    tree_is "$before"
}

# --- a binary that would stop every guest -----------------------------------------------------------------------------

bad_binary() { # SCRIPT
    mkdir -p "$work/bad/usr/sbin"
    printf '#!/bin/sh\n%s\n' "$1" >"$work/bad$binary"
    chmod 755 "$work/bad$binary"
}

test_binary_that_cannot_run() {
    bad_binary 'echo "error while loading shared libraries: libx.so.1" >&2; exit 127'
    stage 1 --tree "$work/bad"
    says "libx.so.1"
    says "nothing is left installed"
    is "$(find "$root" -mindepth 1)" "" "nothing is left"
    stage 0 --tree "$v1"
    local before
    before=$(tree)
    stage 1 --tree "$work/bad"
    tree_is "$before"
}

test_binary_that_fails_as_hook() {
    # shellcheck disable=SC2016
    bad_binary 'case $1 in --version) echo "qemu-hook 3";; *) exit 1;; esac'
    stage 1 --tree "$work/bad"
    says "fails as a hook"
    absent $main
}

test_binary_that_prints_as_hook() {
    bad_binary 'echo "qemu-hook 3"'
    stage 1 --tree "$work/bad"
    absent $main
}

test_binary_that_is_another_program() {
    mkdir -p "$work/bad/usr/sbin"
    cp "$(type -P true)" "$work/bad$binary"
    stage 1 --tree "$work/bad"
    says "is not qemu-hook"
    absent $main
}

# --- another hook -----------------------------------------------------------------------------------------------------

test_foreign_hook_stays() {
    foreign_hook
    local hook
    hook=$(cat "$root$main")
    stage 0 --tree "$v1"
    is "$(cat "$root$main")" "$hook" "the other hook is untouched"
    only_extra_link
    says "is another hook and stays"
    local before
    before=$(times)
    stage 0 --tree "$v1"
    is "$(times)" "$before" "the second run changes nothing"
}

test_foreign_hook_may_be_a_dangling_link() {
    mkdir -p "$root/etc/libvirt/hooks"
    ln -s /opt/other "$root$main"
    stage 0 --tree "$v1"
    is "$(readlink "$root$main")" /opt/other "the other hook"
    only_extra_link
}

test_foreign_hook_goes_later() {
    foreign_hook
    stage 0 --tree "$v1"
    rm "$root$main"
    stage 0 --tree "$v1"
    only_main_link
    says "the other hook is gone"
}

test_foreign_hook_comes_later() {
    stage 0 --tree "$v1"
    foreign_hook
    stage 0 --tree "$v1"
    only_extra_link
}

test_both_links_become_one() {
    stage 0 --tree "$v1"
    mkdir "$root/etc/libvirt/hooks/qemu.d"
    ln -s /usr/sbin/qemu-hook "$root$extra"
    stage 0 --tree "$v1"
    only_main_link
}

test_own_copy_becomes_the_link() {
    stage 0 --tree "$v1"
    rm "$root$main"
    cp "$v1$binary" "$root$main" # of what is installed
    stage 0 --tree "$v2"
    only_main_link
    rm "$root$main" # a link out of the root: never write through it
    printf '\177ELF QEMU_HOOK_ROOT\n' >"$root$main"
    stage 0 --tree "$v1"
    only_main_link
}

test_link_to_usr_bin_becomes_the_link() {
    mkdir -p "$root/etc/libvirt/hooks"
    ln -s /usr/bin/qemu-hook "$root$main"
    stage 0 --tree "$v1"
    only_main_link
}

test_hook_at_the_daemons_start_beside_others() {
    mkdir -p "$root/etc/libvirt/hooks/daemon.d"
    printf 'other\n' >"$root/etc/libvirt/hooks/daemon"
    printf 'other\n' >"$root/etc/libvirt/hooks/daemon.d/10-other"
    in_and_out
    stage 0 --tree "$v1"
    only_main_link
    ln -sfn /usr/bin/qemu-hook "$root$at_start"
    stage 0 --tree "$v1"
    only_main_link
}

test_foreign_file_where_the_link_for_the_daemons_start_goes() {
    mkdir -p "$root/etc/libvirt/hooks/daemon.d"
    printf 'other\n' >"$root$at_start"
    in_and_out
    stage 0 --tree "$v1"
    says "$at_start is not qemu-hook's and stays"
    link_is $main
    is "$(cat "$root$at_start")" other "the other file"
}

test_foreign_file_by_our_name() {
    foreign_hook
    mkdir "$root/etc/libvirt/hooks/qemu.d"
    printf 'other\n' >"$root$extra"
    local before
    before=$(tree)
    stage 1 --tree "$v1"
    says "is not qemu-hook's"
    tree_is "$before"
}

# --- uninstall leaves what it found -----------------------------------------------------------------------------------

in_and_out() {
    local before
    before=$(tree)
    stage 0 --tree "$v1"
    stage 0 --tree "$v2"
    stage 0 --uninstall
    tree_is "$before"
    stage 0 --uninstall
    says "nothing to remove"
    tree_is "$before"
}

test_uninstall_from_nothing() { in_and_out; }

test_uninstall_from_empty_hooks_folder() {
    mkdir -p "$root/etc/libvirt/hooks" "$root/var/lib"
    in_and_out
}

test_uninstall_keeps_neighbours() {
    mkdir -p "$root/usr/share/fish/vendor_completions.d" "$root/usr/share/qemu-hook"
    printf 'other\n' >"$root/usr/share/qemu-hook/other"
    in_and_out
}

test_uninstall_beside_foreign_hook() {
    foreign_hook
    in_and_out
}

test_uninstall_beside_foreign_extra_hooks() {
    foreign_hook
    mkdir "$root/etc/libvirt/hooks/qemu.d"
    in_and_out
    printf 'other\n' >"$root/etc/libvirt/hooks/qemu.d/10-other"
    in_and_out
}

test_uninstall_after_foreign_hook_went() {
    foreign_hook
    stage 0 --tree "$v1"
    rm "$root$main"
    stage 0 --tree "$v1"
    stage 0 --uninstall
    is "$(cd "$root" && find . -type d | sort | xargs)" ". ./etc ./etc/libvirt ./etc/libvirt/hooks" "the folders"
}

test_uninstall_without_manifest() {
    mkdir -p "$root/etc/libvirt/hooks" "$root/usr/sbin" "$root/var/lib"
    local before
    before=$(tree)
    stage 0 --tree "$v1"
    rm "$root$manifest"
    stage 0 --uninstall
    tree_is "$before"
}

test_uninstall_keeps_users_host_conf() {
    mkdir -p "$root/etc/libvirt/qemu-hook"
    printf 'backend = "sysfs"\n' >"$root$host_conf"
    in_and_out
}

test_uninstall_keeps_host_conf_that_was_there() {
    mkdir -p "$root/etc/libvirt/qemu-hook"
    cp "$shipped/qemu-hook/host.toml" "$root$host_conf"
    in_and_out
}

test_changed_host_conf_is_never_overwritten() {
    stage 0 --tree "$v1"
    printf 'backend = "sysfs"\n' >"$root$host_conf"
    stage 0 --tree "$v1"
    says "differs from the shipped one and stays"
    stage 0 --uninstall
    says "kept"
    is "$(cat "$root$host_conf")" 'backend = "sysfs"' "host.toml"
    absent $main
    absent /usr/sbin/qemu-hook
}

test_uninstall_removes_what_an_older_version_shipped() {
    stage 0 --tree "$v1"
    printf '# older\n' >"$root$host_conf"
    sed -i "s|^file .* $host_conf|file $(sha256sum <"$root$host_conf" | cut -d' ' -f1) $host_conf|" "$root$manifest"
    stage 0 --uninstall
    is "$(find "$root" -mindepth 1)" "" "nothing is left"
}

test_uninstall_keeps_guest_confs() {
    stage 0 --tree "$v1"
    guest_conf
    stage 0 --uninstall
    says "guests/win10.toml"
    exists /etc/libvirt/qemu-hook/guests/win10.toml
    absent $host_conf
    absent $sample
}

test_purge() {
    stage 0 --tree "$v1"
    guest_conf
    stage 0 --uninstall
    stage 0 --tree "$v1"
    stage 0 --uninstall --purge
    absent /etc/libvirt/qemu-hook
}

test_uninstall_takes_the_udev_rules_along() {
    local rules=/etc/udev/rules.d/72-qemu-hook.rules
    stage 0 --tree "$v1"
    mkdir -p "$root/etc/udev/rules.d"
    printf '# Written by qemu-hook: x\nACTION=="remove"\n' >"$root$rules"
    stage 0 --uninstall
    absent $rules
    stage 0 --tree "$v1"
    printf '# mine\n' >"$root$rules"
    stage 0 --uninstall
    exists $rules
}

test_uninstall_refuses_while_a_guest_has_devices() {
    stage 0 --tree "$v1"
    journal "win%2010.journal"
    journal lock
    local before
    before=$(tree)
    stage 1 --uninstall
    says "win 10"
    tree_is "$before"
    stage 0 --uninstall --force
    absent $main
    exists /run/libvirt/qemu-hook/win%2010.journal
}

test_uninstall_takes_the_lock_along() {
    stage 0 --tree "$v1"
    journal lock
    stage 0 --uninstall
    absent /run/libvirt/qemu-hook
}

# --- the daemon -------------------------------------------------------------------------------------------------------

test_daemon_reloads_and_calls() {
    start_daemon libvirtd
    libvirt_answers called
    live 0 --tree "$v1"
    is "$(hups)" 1 "one SIGHUP"
    says "libvirt calls the hook"
    absent /etc/libvirt/qemu-hook/guests/qemu-hook-probe.toml
    is "$(sort -u "$root/virsh-calls")" "-q -c qemu:///system create --paused --autodestroy /dev/stdin" "the call"
    ! command -v xmllint >/dev/null || xmllint --noout "$root/asked" || fail "the guest's XML is broken"
    live 0 --tree "$v1"
    is "$(hups)" 1 "no SIGHUP for nothing"
    says "libvirt calls the hook"
    says "nothing to change"
}

test_what_the_hook_may_not_do() {
    start_daemon virtqemud
    libvirt_answers lacking
    live 0 --tree "$v1"
    says "libvirt calls the hook"
    says "its context is system_u:system_r:virtqemud_t:s0"
    says "note: it cannot run modprobe"
    says "  hint: load the module"
    only_main_link
}

test_virtqemud() {
    start_daemon virtqemud
    libvirt_answers deaf
    live 0 --tree "$v1"
    says "told virtqemud to reload"
    says "libvirt calls the hook"
}

test_beside_foreign_hook() {
    foreign_hook
    stub libvirtd <<<'echo "libvirtd (libvirt) 9.0.0"'
    start_daemon libvirtd
    libvirt_answers called
    live 0 --tree "$v1"
    only_extra_link
    says "libvirt calls the hook"
}

test_foreign_hook_and_old_libvirt() {
    foreign_hook
    stub libvirtd <<<'echo "libvirtd (libvirt) 6.4.0"'
    local before
    before=$(tree)
    live 1 --tree "$v1"
    says "libvirt 6.4.0 calls only that one"
    tree_is "$before"
    stub libvirtd <<<'echo "libvirtd (libvirt) 6.5.0"'
    live 0 --tree "$v1" --no-reload
    only_extra_link
    stub libvirtd <<<'echo "libvirtd (libvirt) 10.0.0"'
    live 0 --tree "$v1" --no-reload
}

test_installed_before_the_daemon_was_told() {
    start_daemon libvirtd
    libvirt_answers deaf
    live 0 --tree "$v1" --no-reload
    is "$(hups)" 0 "no SIGHUP"
    says "the daemon was left alone"
    absent /virsh-calls
    live 0 --tree "$v1"
    is "$(hups)" 1 "one SIGHUP"
    says "libvirt calls the hook"
}

test_libvirt_cannot_execute_it() {
    start_daemon libvirtd
    libvirt_answers denied
    live 1 --tree "$v1"
    says "cannot execute"
    says "AppArmor"
    absent $main
    absent /usr/sbin/qemu-hook
    absent /etc
}

test_libvirt_never_calls_it() {
    start_daemon libvirtd
    libvirt_answers never
    live 1 --tree "$v1"
    says "does not call"
    only_main_link
}

test_libvirt_without_iommu_never_calls_it() {
    start_daemon libvirtd
    libvirt_answers no-iommu
    live 1 --tree "$v1"
    says "does not call"
    only_main_link
}

test_no_emulator() {
    start_daemon libvirtd
    libvirt_answers no-emulator
    live 0 --tree "$v1"
    says "could not check whether libvirt calls the hook: error: invalid argument: could not find capabilities"
    only_main_link
}

test_no_daemon() {
    libvirt_answers called
    live 0 --tree "$v1"
    says "no libvirtd or virtqemud is running"
    absent /virsh-calls
}

test_daemon_on_demand() {
    command -v python3 >/dev/null || return 0
    mkdir -p "$root/run/libvirt/qemu" "$root/etc/libvirt/qemu/autostart"
    python3 -c 'import os, socket, sys
os.chdir(sys.argv[1])
socket.socket(socket.AF_UNIX).bind("libvirt-sock")' "$root/run/libvirt"
    libvirt_answers called
    ln -s ../guest.xml "$root/etc/libvirt/qemu/autostart/guest.xml"
    live 0 --tree "$v1"
    says "no libvirtd or virtqemud is running"
    : >"$root/run/libvirt/qemu/autostarted"
    live 0 --tree "$v1"
    says "libvirt calls the hook"
    rm "$root/run/libvirt/qemu/autostarted" "$root/etc/libvirt/qemu/autostart/guest.xml"
    live 0 --tree "$v1"
    says "libvirt calls the hook"
}

test_stale_pid_file() {
    start_daemon libvirtd
    printf 'sh\n' >"$root/proc/$daemon_pid/comm"
    libvirt_answers called
    live 0 --tree "$v1"
    is "$(hups)" 0 "no SIGHUP to another program"
    says "no libvirtd or virtqemud is running"
}

# A process that cannot be signalled: one that is not there, which the stubs and the folder claim.
test_daemon_that_cannot_be_signalled() {
    mkdir -p "$root/proc/4999999"
    printf 'libvirtd\n' >"$root/proc/4999999/comm"
    stub systemctl <<'END'
case $* in
    *MainPID*libvirtd*) echo 4999999 ;;
    "restart libvirtd.service") exit 0 ;;
    *) exit 1 ;;
esac
END
    libvirt_answers called
    live 0 --tree "$v1"
    says "restarted libvirtd.service"
}

# A store of modules as semodule's: a folder. `broken` in it says that the policy cannot be made.
selinux_on() {
    stub selinuxenabled <<<'exit 0'
    # shellcheck disable=SC2016
    stub restorecon <<<'echo "labelled $*"'
    mkdir -p "$root/../store"
    stub semodule <<END
store=$root/../store
END
    cat >>"$stubs/semodule" <<'END'
[ "$1" = "--path=$QEMU_HOOK_ROOT" ] || exit 9
shift
case $* in
    --list-modules) (cd "$store" && ls) | sed 's/\.cil$//' ;;
    "--cil --extract="*) cp "$store/${2#*=}.cil" . ;;
    --install=*) [ ! -e "$store/broken" ] && cp "${1#*=}" "$store" && echo "compiled ${1#*=}" ;;
    --remove=*) rm "$store/${1#*=}.cil" ;;
    *) exit 9 ;;
esac
END
}

test_selinux_labels() {
    selinux_on
    live 0 --tree "$v1"
    says "labelled -v $root/usr/sbin/qemu-hook $root/etc/libvirt/hooks"
    says " $root$main"
    PATH=$stubs:$PATH stage 0 --tree "$v1"
    silent_on labelled
    stub selinuxenabled <<<'exit 1'
    live 0 --tree "$v1"
    silent_on labelled
}

test_selinux_module_goes_in_and_out() {
    local module=/usr/share/qemu-hook/qemu_hook.cil
    selinux_on
    live 0 --tree "$v1"
    says "loaded the SELinux module qemu_hook"
    cmp "$here/../../install/selinux/qemu_hook.cil" "$root/../store/qemu_hook.cil" || fail "it is the shipped one"
    live 0 --tree "$v1"
    silent_on compiled
    says "nothing to change"
    printf '; older\n' >"$root/../store/qemu_hook.cil"
    live 0 --tree "$v1"
    says "compiled $root$module"
    live 0 --uninstall
    says "removed the SELinux module qemu_hook"
    is "$(ls "$root/../store")" "" "the module is out again"
    live 0 --uninstall
    says "nothing to remove"
}

test_selinux_module_in_a_package_or_without_selinux() {
    selinux_on
    PATH=$stubs:$PATH stage 0 --tree "$v1"
    exists /usr/share/qemu-hook/qemu_hook.cil
    stub selinuxenabled <<<'exit 1'
    live 0 --tree "$v1"
    is "$(ls "$root/../store")" "" "nothing is loaded"
    live 0 --uninstall
}

test_selinux_module_that_cannot_be_loaded() {
    selinux_on
    touch "$root/../store/broken"
    live 0 --tree "$v1"
    says "could not be loaded, so SELinux may confine the hook"
    link_is $main
    rm "$root/../store/broken"
    live 0 --tree "$v1"
    says "loaded the SELinux module qemu_hook"
}

# ----------------------------------------------------------------------------------------------------------------------

one() { # TEST, in a subshell of its own, with a root and stubs of its own
    root=$work/$1/root stubs=$work/$1/stubs
    mkdir -p "$root" "$stubs"
    rm -f "$work/output"
    # Nothing of the machine's own libvirt or SELinux takes part.
    stub systemctl <<<'exit 1'
    stub pidof <<<'exit 1'
    stub selinuxenabled <<<'exit 1'
    "$1"
}

machine() { ls -ld /usr/sbin/qemu-hook /etc/libvirt/hooks/* /etc/libvirt/qemu-hook/* /var/lib/qemu-hook/* 2>&1; }

unset DESTDIR QEMU_HOOK_ROOT
if ! v1=$(stand_in 1) || ! v2=$(stand_in 2); then
    echo "build first: cmake -B build && cmake --build build" >&2
    exit 1
fi
machine_before=$(machine)
for name in $(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p' | grep -e "${1:-}"); do
    if (trap '[ -z "$daemon_pid" ] || kill "$daemon_pid"' EXIT && one "$name"); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n' "$name"
    fi
done
if [ "$(machine)" != "$machine_before" ]; then
    failed=$((failed + 1))
    printf 'FAILED: the tests left their folder\n'
fi
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
