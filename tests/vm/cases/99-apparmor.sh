# shellcheck shell=bash source=../lib.sh
# AppArmor was enforcing, and denied nothing to libvirtd or the hook in all the cases before, but for what 43 is about.
# every suite
# once
. ./lib.sh
expect_match "AppArmor's profiles" '^libvirtd \(enforce\)' "$(</sys/kernel/security/apparmor/profiles)"
denials=$(journalctl --quiet -o cat _TRANSPORT=kernel --grep='apparmor="DENIED".*profile="(libvirtd|virtqemud)|^denials are wanted' |
    sed '/^denials are wanted$/,/^denials are wanted no more$/d' || true)
expect_eq "denials" '' "$denials"
