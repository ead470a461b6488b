#!/bin/bash
# The Ansible role: clean by ansible-lint, and run against this machine as its own target, into a throw-away folder, with
# the real binary. No container, nothing outside the folder.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8 # Ansible runs in no other kind of locale
export ANSIBLE_NOCOWS=1 ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_HOME=$work/ansible NO_COLOR=1 ANSIBLE_NOCOLOR=1

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

(cd install/ansible && ansible-lint --offline --nocolor site.yml 2>&1 | tail -n 15) || fail "ansible-lint"

tree=$work/tree
DESTDIR=$tree cmake --install build --prefix /usr >/dev/null

# A host: a network card, a guest that has it in libvirt's file, no daemon.
root=$work/host
device=$root/sys/bus/pci/devices/0000:02:00.0
mkdir -p "$device" "$root/etc/libvirt/qemu" "$root/run/libvirt" "$root/sys/bus/pci/drivers/vfio-pci" "$root/proc"
printf 'pci:v00008086d000010D3sv00008086sd000010D3bc02sc00i00\n' >"$device/modalias"
cat >"$root/etc/libvirt/qemu/router.xml" <<END
<domain type='kvm'><name>router</name><devices><hostdev mode='subsystem' type='pci' managed='yes'>
<source><address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></source></hostdev></devices></domain>
END
chmod -R go-w "$root"

play() {
    ansible-playbook -i localhost, -c local install/ansible/site.yml -e "qemu_hook_hosts=localhost qemu_hook_become=false" \
        -e "qemu_hook_root=$root qemu_hook_tree=$tree qemu_hook_report_file=$work/report.json" "$@"
}

play | tee "$work/first"
[ "$(readlink "$root/etc/libvirt/hooks/qemu")" = /usr/sbin/qemu-hook ] || fail "the hook is not installed"
grep -q '"0000:02:00.0"' "$root/etc/libvirt/qemu-hook/guests/router.toml" || fail "the guest was not set up"
grep -q 'router: a start would be refused' "$work/first" || fail "the report does not tell of the guest"
python3 - "$work/report.json" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))["localhost"]
assert report["guests"][0]["guest"] == "router" and not report["ok"], report
assert report["status"]["devices"][0]["address"] == "0000:02:00.0", report
END
play >"$work/second"
grep -Eq 'localhost +: ok=[0-9]+ +changed=0 ' "$work/second" || { cat "$work/second"; fail "a second run changes something"; }
! play -e qemu_hook_strict=true >"$work/third" || fail "strict, and a refused guest is no failure"
echo "1 passed, 0 failed"
