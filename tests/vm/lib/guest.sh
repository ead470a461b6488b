# shellcheck shell=bash
# Small guests: emulated, 64 MiB, no system to boot.

confinement=apparmor
[ ! -e /sys/fs/selinux/enforce ] || confinement=selinux

# guest_xml NAME ITEM...: a domain on stdout. ITEM, in this order of effect:
#   ADDRESS              a <hostdev>, managed as said last
#   managed=yes|no       for the devices that follow; at first "no"
#   nvme=ADDRESS         a <disk type='nvme'>
#   disk=FILE            a disk in a file
#   argument=ARGUMENT    one more argument for QEMU
#   confined             an AppArmor profile for its QEMU, as is usual; it takes 6 s a start, and the hook, which runs in
#                        or beside libvirtd's own profile, knows no difference
guest_xml() {
    local name=$1 managed=no item arguments='' devices='' disks=-1 letters=abcd
    local label="<seclabel type='none' model='$confinement'/>"
    shift
    for item in "$@"; do
        case $item in
            managed=*) managed=${item#*=} ;;
            nvme=*)
                disks=$((disks + 1))
                devices+="
    <disk type='nvme' device='disk'>
      <driver name='qemu' type='raw'/>
      <source type='pci' managed='$managed' namespace='1'>$(source_address "${item#*=}")</source>
      <target dev='vd${letters:disks:1}' bus='virtio'/>
    </disk>" ;;
            disk=*)
                disks=$((disks + 1))
                devices+="
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='$(escape_xml "${item#*=}")'/>
      <target dev='vd${letters:disks:1}' bus='virtio'/>
    </disk>" ;;
            confined) label='' ;;
            argument=*) arguments+="<qemu:arg value='$(escape_xml "${item#*=}")'/>" ;;
            *:*:*.*)
                devices+="
    <hostdev mode='subsystem' type='pci' managed='$managed'>
      <source>$(source_address "$item")</source>
    </hostdev>" ;;
            *) fail "guest_xml: what is '$item'?" ;;
        esac
    done
    cat <<END
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>$(escape_xml "$name")</name>
  <uuid>$(uuid_of "$name")</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>$devices
  </devices>
  $label
  <qemu:commandline>$arguments</qemu:commandline>
</domain>
END
}

# define_guest NAME ITEM...: see guest_xml; a guest of that name is redefined.
define_guest() {
    guest_xml "$@" >/run/guest.xml
    virsh --quiet define /run/guest.xml
}

start_guest() {
    step "start $1"
    virsh --quiet start "$1"
}

destroy_guest() {
    step "destroy $1"
    virsh --quiet destroy "$1"
}

guest_is() { [ "$(virsh domstate "$1")" = "$2" ]; }

expect_running() { guest_is "$1" running || fail "guest $1 is not running"; }

# The same at every definition, or libvirt takes the second for another guest of the same name.
uuid_of() {
    local sum
    sum=$(printf '%s' "$1" | md5sum)
    printf '%s-%s-4%s-8%s-%s\n' "${sum:0:8}" "${sum:8:4}" "${sum:13:3}" "${sum:17:3}" "${sum:20:12}"
}

source_address() {
    local domain bus slot function
    IFS=:. read -r domain bus slot function <<<"$1"
    printf "<address domain='0x%s' bus='0x%s' slot='0x%s' function='0x%s'/>" "$domain" "$bus" "$slot" "$function"
}

escape_xml() { sed "s/&/\&amp;/g; s/</\&lt;/g; s/'/\&apos;/g" <<<"$1"; }
