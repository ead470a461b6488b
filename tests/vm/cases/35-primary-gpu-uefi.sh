# shellcheck shell=bash source=30-primary-gpu.sh
# What 30-primary-gpu does, once, on a host with UEFI: its frame buffer comes first, and the text consoles' own is a dummy.
# long
# boot: uefi
# limit: 1200
# simpledrm
cycles=1
. ./cases/30-primary-gpu.sh
