# shellcheck shell=bash source=71-xorg-second-reserved.sh
# What 71 does, three times, beside sway, which greetd has started.
# suite: desktop
# limit: 1800
manager=greetd compositor=sway terminal=foot cycles=3
. ./cases/71-xorg-second-reserved.sh
