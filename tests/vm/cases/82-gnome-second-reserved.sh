# shellcheck shell=bash source=71-xorg-second-reserved.sh
# What 71 does, three times, beside GNOME Shell under gdm.
# suite: desktop-all
# limit: 3600
patience=400
manager=gdm compositor=gnome-shell terminal=foot cycles=3
. ./cases/71-xorg-second-reserved.sh
