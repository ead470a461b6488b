# shellcheck shell=bash source=../lib.sh
# A full /run refuses the start and loses nothing; a read-only /etc is a warning; a journal that was scribbled on says what to do.
# limit: 600
. ./lib.sh
before=$(host_state)
define_guest one "$nic"

step "/run is full"
mkdir -p "$run_folder"
mount -t tmpfs -o size=4k,mode=0755 full "$run_folder"
head -c 4096 /dev/zero >"$run_folder/filler"
expect_refused virsh start one
expect_match "what virsh says" 'cannot (make|write).*No space left on device' "$output"
expect_match "the hint" 'nothing is touched' "$output"
expect_driver e1000e "$nic"

step "/run fills up between two steps"
rm "$run_folder/filler"
head -c 3000 /dev/zero >"$run_folder/filler" # room for no page more: the journal's first write fails or its next
status=0
virsh --quiet start one || status=$?
[ "$status" -ne 0 ] || destroy_guest one
umount "$run_folder"
expect_driver e1000e "$nic"
expect_same_state "$before"

step "/etc is read-only"
rm -f "$confs/one.toml" # a refused start has brought it in step all the same
mount --bind -o ro /etc/libvirt/qemu-hook /etc/libvirt/qemu-hook
start_guest one
expect_driver vfio-pci "$nic"
umount /etc/libvirt/qemu-hook
[ ! -e "$confs/one.toml" ] || fail "there is a conf"
expect_match "the log" 'Read-only file system' "$(hook_log)"

step "the journal is scribbled on while the guest runs"
head -c 100 /dev/urandom >"$run_folder/one.journal"
destroy_guest one
expect_driver vfio-pci "$nic"
expect_refused virsh start one
expect_match "what virsh says" 'journal .* is damaged' "$output"
expect_match "the hint" 'qemu-hook --reattach' "$output"
qemu-hook --setup one
qemu-hook --reattach one
expect_same_state "$before"
