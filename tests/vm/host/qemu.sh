# shellcheck shell=bash
# The machine: what hardware the hook gets to see.
#
#   00:01.0 VGA            the boot display: bochs-drm, fbcon
#   01:00.0 bochs-display  bochs-drm      }
#   01:00.1 intel-hda      snd_hda_intel  }  one card, one IOMMU group, as a GPU with audio and USB
#   01:00.2 qemu-xhci      xhci_hcd       }
#   02:00.0 e1000e         03:00.0 nvme    04:00.0 nvme that can have virtual functions
#   00:05.0 edu            a device that no driver wants
#
# With real desktops 00:01.0 is virtio-vga and 01:00.0 virtio-gpu-pci: Linux 6.1's bochs-drm cannot import another card's
# buffers, so no compositor would use two.
#
# tests/vm/lib.sh names the same addresses for the cases. Every device has an explicit address: one that QEMU places by
# itself takes another's slot.

# More of the kernel's options; a case asks for them by a line "# boot: OPTIONS". Two words are none: with "uefi" the
# firmware is OVMF and not a BIOS, with "no-vga" there is no boot display.
boot_options=''
uefi_firmware=/usr/share/ovmf/OVMF.fd

# launch_qemu SUITE IMAGE_FOLDER RUN_FOLDER: returns when QEMU runs in the background.
launch_qemu() {
    local image=$2 run=$3 boot_card=VGA second_card=bochs-display
    ! has_desktops "$1" || boot_card=virtio-vga second_card=virtio-gpu-pci
    local options='root=/dev/vda rw console=tty0 console=ttyS0 loglevel=5 intel_iommu=on iommu=pt mitigations=off fsck.mode=skip'
    # A kernel that dies early in its boot boots anew; later, when it has pvpanic's driver, QEMU ends.
    options+=' oops=panic panic=-1'
    [[ $1 != *-selinux ]] || options+=' security=selinux selinux=1 enforcing=1'
    local qemu=(
        qemu-system-x86_64 -nodefaults -no-user-config -display none -pidfile "$run/pid"
        -machine q35 -accel tcg -cpu 'qemu64,svm=off' -m 2G

        # QEMU before 8.2 swaps the memory map under a running second CPU: a write of its goes astray, or QEMU crashes, at
        # about one of fifty guest starts. Both suites side by side make up for the time.
        -smp 1

        # The IOMMU stands before every PCI device; interrupt remapping is what lets vfio run without unsafe options.
        -device 'intel-iommu,intremap=on'

        -device 'pcie-root-port,id=port1,chassis=1,slot=1,addr=02.0'
        -device 'pcie-root-port,id=port2,chassis=2,slot=2,addr=03.0'
        -device 'pcie-root-port,id=port3,chassis=3,slot=3,addr=04.0'
        -device 'pcie-root-port,id=port4,chassis=4,slot=4,addr=09.0'

        -audiodev 'none,id=sound'
        -device "$second_card,bus=port1,addr=00.0,multifunction=on"
        -device 'intel-hda,id=hda,bus=port1,addr=00.1' -device 'hda-output,bus=hda.0,audiodev=sound'
        -device 'qemu-xhci,bus=port1,addr=00.2'

        -netdev 'hubport,id=lan,hubid=0' -device 'e1000e,netdev=lan,bus=port2,addr=00.0,romfile='

        -drive "if=none,id=nvme,format=raw,cache=unsafe,file=$run/nvme.img"
        -device 'nvme,drive=nvme,serial=vm1,bus=port3,addr=00.0'

        # Without a namespace, so without a disk.
        -device 'nvme-subsys,id=subsystem'
        -device 'nvme,serial=vm2,subsys=subsystem,bus=port4,addr=00.0,max_ioqpairs=6,msix_qsize=8,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2'

        -device 'edu,addr=05.0'

        # What the VM itself lives on.
        -drive "if=none,id=root,format=raw,cache=unsafe,snapshot=on,file=$image/root.img"
        -device 'virtio-blk-pci,drive=root,addr=06.0'
        -fsdev "local,id=share,path=$run/share,security_model=none"
        -device 'virtio-9p-pci,fsdev=share,mount_tag=vm,addr=07.0'
        -device 'virtio-rng-pci,addr=08.0'
        -device 'pvpanic'
        -chardev 'socket,id=console,path=console.sock,server=on,wait=off,logfile=console.log'
        -serial chardev:console
        -qmp 'unix:qmp.sock,server=on,wait=off'

        -kernel "$image/vmlinuz" -initrd "$image/initrd"
        -append "$options $boot_options"
    )
    [[ " $boot_options " = *' no-vga '* ]] || qemu+=(-device "$boot_card,id=screen,addr=01.0")
    [[ " $boot_options " != *' uefi '* ]] || qemu+=(-bios "$uefi_firmware")
    # A socket's path has at most 108 bytes, so it is named from within the folder. Not -daemonize, which would lose what
    # a QEMU that dies has to say.
    (
        cd "$run" || exit
        # The machine may outlive the test that started it; the test's lock must not.
        [ -z "${machine_lock-}" ] || exec {machine_lock}>&-
        exec setsid "${qemu[@]}" >qemu.log 2>&1 </dev/null
    ) &
    local qemu_job=$!
    disown "$qemu_job" # the shell would tell of its end
    printf '%s' "$boot_options" >"$run/boot"
    until [ -s "$run/pid" ]; do
        kill -0 "$qemu_job" 2>/dev/null || return 1
        sleep 0.05
    done
}
