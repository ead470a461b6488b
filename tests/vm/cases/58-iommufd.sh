# shellcheck shell=bash source=../lib.sh
# A guest whose devices QEMU opens one by one, with an iommufd in place of the groups: who has a device is seen there, too.
# suite: simpledrm
# simpledrm
. ./lib.sh
[ -c /dev/iommu ] || fail "there is no /dev/iommu"
before=$(host_state)
define_guest one managed=yes "$nic" managed=yes "$edu"
virsh dumpxml --inactive one | sed "s|<devices>|<iommufd enabled='yes'/>&|" >/run/guest.xml
virsh --quiet define /run/guest.xml
define_guest two managed=yes "$nic"

for cycle in 1 2; do
    step "cycle $cycle"
    start_guest one
    expect_running one
    expect_driver vfio-pci "$nic" "$edu"
    find "/proc/$(pgrep --full 'guest=one,')/fd" -lname '/dev/vfio/*' -printf '%l\n' -o -lname /dev/iommu -printf '%l\n' | sort | tee nodes
    expect_match "what QEMU has open" '/dev/vfio/devices/vfio[0-9]+' "$(<nodes)"
    expect_no_match "what QEMU has open" '^/dev/vfio/[0-9]+' "$(<nodes)"
    expect_refused virsh start two
    expect_match "what virsh says" "one" "$output"

    step "a guest that no journal tells of"
    mv /run/libvirt/qemu-hook/one.journal .
    expect_refused virsh start two
    expect_match "what virsh says" "$nic" "$output"
    printf '%s\n' "$output"
    expect_refused qemu-hook --reattach two
    expect_driver vfio-pci "$nic" "$edu"
    mv one.journal /run/libvirt/qemu-hook/

    destroy_guest one
    expect_same_state "$before"
done
