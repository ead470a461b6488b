# shellcheck shell=bash source=33-firmware-framebuffer.sh
# The same with UEFI's, on which most hosts of today show their first messages.
# long
# boot: uefi modprobe.blacklist=bochs
# simpledrm
. ./cases/33-firmware-framebuffer.sh
