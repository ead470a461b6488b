# shellcheck shell=bash
# What a case begins with: `. ./lib.sh`. Runs in the VM, as root. Brings the strict mode, the devices' addresses, the
# helpers of lib/, and a clean-up at the end, so that a failed case leaves nothing to the next.
set -euo pipefail

# The machine's devices; host/qemu.sh makes them.
# shellcheck disable=SC2034 # the cases' names
{
    display=0000:01:00.0 # } one card in one IOMMU group
    audio=0000:01:00.1   # }
    usb=0000:01:00.2     # }
    card=("$display" "$audio" "$usb")
    nic=0000:02:00.0
    nvme=0000:03:00.0
    physical=0000:04:00.0 # an NVMe controller that can have virtual functions
    edu=0000:00:05.0      # no driver wants it
    boot_display=0000:00:01.0 # with the console
    missing=0000:07:00.0  # no such device
}

hook=/etc/libvirt/hooks/qemu
confs=/etc/libvirt/qemu-hook/guests
run_folder=/run/libvirt/qemu-hook
export LIBVIRT_DEFAULT_URI=qemu:///system

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for part in expect state guest daemon log holder refusal desktop screen seat stuck clean; do
    # shellcheck source=/dev/null
    . "$here/lib/$part.sh"
done

# shellcheck source=/dev/null
[ -d /run/systemd/system ] || . "$here/lib/openrc.sh"

scratch=$(mktemp -d /run/case.XXXXXX)
cd "$scratch"
