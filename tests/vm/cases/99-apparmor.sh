# shellcheck shell=bash source=../lib.sh
# AppArmor was enforcing, and denied nothing to libvirtd or the hook in all the cases before.
# once
. ./lib.sh
expect_match "AppArmor's profiles" '^libvirtd \(enforce\)' "$(</sys/kernel/security/apparmor/profiles)"
denials=$(journalctl --quiet -o cat _TRANSPORT=kernel --grep='apparmor="DENIED".*profile="(libvirtd|virtqemud)' || true)
expect_eq "denials" '' "$denials"
