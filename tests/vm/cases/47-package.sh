# shellcheck shell=bash source=../lib.sh
# The Debian package (install/package deb) takes over from install.sh, is upgraded and refuses to be removed, each in the
# middle of a guest's life; libvirtd is never restarted; purged, it leaves nothing.
# suite: package
# limit: 900
. ./lib.sh
package=$(find /mnt/vm/checkout -maxdepth 1 -name 'qemu-hook_*.deb')
[ -n "$package" ] || fail "no package: install/package deb, then vm install"
before=$(host_state)
put_back() {
    remove_guests
    dpkg --purge qemu-hook >/dev/null 2>&1
    (cd /mnt/vm/checkout && install/install.sh --tree tree)
}
at_end put_back
link=/etc/libvirt/hooks/qemu.d/50-qemu-hook
daemon=$(daemon_pid)
define_guest packaged managed=no "$nic" managed=yes "${card[@]}"

# install_package: as apt does it, without questions.
install_package() { DEBIAN_FRONTEND=noninteractive dpkg --install "$package" </dev/null; }

# expect_life_goes_on: nothing has happened to the guest, and its end is undone once, by one of its hook's calls.
expect_life_goes_on() {
    expect_running packaged
    expect_driver vfio-pci "$nic" "${card[@]}"
    destroy_guest packaged
    expect_same_state "$before"
    expect_eq "how often it was released" 1 "$(hook_news | grep --count '^packaged: released, the host is as it was')"
    expect_eq "libvirtd's process" "$daemon" "$(daemon_pid)"
}

step "an installation from a checkout is taken over"
hook_news >/dev/null
start_guest packaged
install_package
[ ! -L "$hook" ] || fail "$hook is still there"
expect_eq "the link" /usr/sbin/qemu-hook "$(readlink "$link")"
[ ! -e /var/lib/qemu-hook ] || fail "the installer's manifest is still there"
expect_life_goes_on

step "upgraded"
start_guest packaged
install_package
expect_life_goes_on

step "a life with the package, and an installation by hand beside it"
ln -s /usr/sbin/qemu-hook "$hook"
start_guest packaged
expect_life_goes_on
expect_refused /mnt/vm/checkout/install/install.sh --tree /mnt/vm/checkout/tree
expect_match "install.sh" 'installed from a package' "$output"

step "it is not removed while a guest has devices"
start_guest packaged
expect_refused dpkg --purge qemu-hook
expect_match "dpkg" 'these guests still have devices of the host: packaged' "$output"
expect_life_goes_on

step "purged"
qemu-hook --setup packaged
rm -f "$hook"
dpkg --purge qemu-hook
virsh --quiet undefine packaged
expect_eq "what is left" '' "$(find / -xdev -name '*qemu-hook*' -not -path '/var/lib/dpkg/*' -not -path '/var/log/*' -not -path '/root/*')"
expect_eq "libvirtd's process" "$daemon" "$(daemon_pid)"
