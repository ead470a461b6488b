# shellcheck shell=bash source=../lib.sh
# PipeWire and the second card's sound. What plays on it is named. A server that is stopped, or told to ignore the card, would
# never close it, and the kernel would wait for that without a limit: refused before anything is touched. A server that only
# watches is no reason: it lets go, and has the card in its list again afterwards.
# suite: desktop
# limit: 900
. ./lib.sh
log_in_at_console
define_guest second "${card[@]}"
wait_until 120 "the sound card in the server's list" server_has_sound
server=$(process_of wireplumber)

step "it plays"
# Ten minutes of silence.
perl -e 'print pack("A4VA4A4VvvVVvvA4V", "RIFF", 4800036, "WAVE", "fmt ", 16, 1, 1, 8000, 8000, 1, 8, "data", 4800000);
    print "\x80" x 4800000' >/home/desk/silence.wav
as_desk pw-cat --playback /home/desk/silence.wav &
player=$!
plays() { [ -n "$(holders_of /dev/snd/pcmC0D0p)" ]; }
wait_until 60 "the sound" plays
holders_of /dev/snd/pcmC0D0p
expect_refusal second holders "$audio: in use by .*pipewire \\([0-9]+: /dev/snd/pcmC0D0p"
kill "$player"
wait "$player" || true
pkill --exact pw-cat || true
silent() { ! plays; }
wait_until 60 "silence" silent

step "stopped"
kill -STOP "$server"
at_end kill -CONT "$server"
expect_refusal second holders "$audio: .*wireplumber \\($server: /dev/snd/controlC0\\), which is stopped"
kill -CONT "$server"

step "it only watches"
wait_until 60 "the sound card in the server's list" server_has_sound
before=$(host_state)
start_guest second
expect_driver vfio-pci "${card[@]}"
destroy_guest second
wait_until 60 "the sound card in the server's list" server_has_sound
expect_eq "the server" "$server" "$(process_of wireplumber)"
expect_same_state "$before"

# The last step: the server ignores the card until it is started anew.
step "told to ignore the card"
printf 'SUBSYSTEM=="sound", KERNEL=="card*", ENV{ACP_IGNORE}="1"\n' >/etc/udev/rules.d/90-ignore.rules
at_end rm -f /etc/udev/rules.d/90-ignore.rules
at_end udevadm control --reload
at_end udevadm trigger --settle --action=change --subsystem-match=sound
udevadm control --reload
udevadm trigger --settle --action=change /sys/class/sound/card0
expect_match "who has the card" "wireplumber \\($server\\)" "$(holders_of /dev/snd/controlC0)"
expect_refusal second holders "$audio: .*wireplumber \\($server: /dev/snd/controlC0\\), which ACP_IGNORE"
