# shellcheck shell=bash source=77-xorg-primary.sh
# What 77 does, with GNOME Shell under gdm.
# suite: desktop-all
# limit: 3600
patience=400
manager=gdm compositor=gnome-shell terminal=foot
. ./cases/77-xorg-primary.sh
