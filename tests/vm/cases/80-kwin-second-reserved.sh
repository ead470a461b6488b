# shellcheck shell=bash source=71-xorg-second-reserved.sh
# What 71 does, three times, beside KWin under sddm.
# suite: desktop-all
# limit: 3600
patience=400
manager=sddm compositor=kwin_wayland terminal=foot cycles=3
. ./cases/71-xorg-second-reserved.sh
