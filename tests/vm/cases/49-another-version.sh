# shellcheck shell=bash source=../lib.sh
# While guests run, the program is replaced by another version's, newer or older: what the one has taken, the other gives
# back. Needs that program as /mnt/vm/before (the machine's folder `share`).
# suite: before
# limit: 1200
. ./lib.sh
program=$(readlink -f "$hook")
[ -e /mnt/vm/before ] || fail "no other version: put its program into the machine's folder share, as before"
cp "$program" this
cp /mnt/vm/before before
chmod 0755 before
# replace_by VERSION: as a package manager does it.
replace_by() {
    cp "$scratch/$1" "$program.new"
    mv "$program.new" "$program"
    qemu-hook --version
}
at_end replace_by this
start_desktop
before=$(desktop_state)
define_guest gamer "$boot_display"
define_guest packed managed=no "$nic" managed=yes "${card[@]}"

for versions in "before this" "this before"; do
    step "$versions"
    replace_by "${versions% *}"
    start_guest gamer
    start_guest packed
    replace_by "${versions#* }"
    qemu-hook --status
    destroy_guest gamer
    destroy_guest packed
    expect_desktop "$before"

    step "$versions, by hand"
    replace_by "${versions% *}"
    qemu-hook --detach packed
    expect_driver vfio-pci "$nic" "${card[@]}"
    replace_by "${versions#* }"
    qemu-hook --reattach packed
    expect_desktop "$before"
done
