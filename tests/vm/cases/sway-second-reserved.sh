# shellcheck shell=bash source=xorg-second-reserved.sh
# By name only; it has not run yet.
# What xorg-second-reserved does, three times, beside sway, which greetd has started.
# suite: desktop
# limit: 1800
manager=greetd compositor=sway terminal=foot cycles=3
. ./cases/xorg-second-reserved.sh
