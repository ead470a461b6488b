# shellcheck shell=bash source=77-xorg-primary.sh
# What 77 does, under greetd and sway.
# suite: desktop
# limit: 1800
mkdir -p /etc/systemd/system/greetd.service.d
# greetd logs the person in by itself once a boot, unless that file is gone.
printf '[Service]\nExecStartPre=/bin/sh -c "rm -f /run/greetd*.run"\n' >/etc/systemd/system/greetd.service.d/again.conf
manager=greetd compositor=sway terminal=foot
. ./cases/77-xorg-primary.sh
