# shellcheck shell=bash source=77-xorg-primary.sh
# What 77 does, with KWin under sddm.
# suite: desktop-all
# limit: 3600
patience=400
manager=sddm compositor=kwin_wayland terminal=foot
. ./cases/77-xorg-primary.sh
