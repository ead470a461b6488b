# shellcheck shell=bash source=../lib.sh
# The only card with a screen, some times over (primary-gpu-ten: ten times): the desktop makes way and comes back, with consoles, frame buffer, sessions.
# limit: 1200
# simpledrm
. ./lib.sh
start_desktop
before=$(desktop_state)
define_guest gamer "$boot_display"

step "what is told beforehand"
qemu-hook --setup gamer | tee told
expect_match "--setup" 'GPU: primary' "$(<told)"
expect_match "--setup" 'stand-in.service ends, and everything open on the screen, unsaved' "$(<told)"
qemu-hook --check gamer | tee told
expect_match "--check" "$boot_display carries the host's console" "$(<told)"
qemu-hook --plan gamer | tee told
expect_match "--plan" 'stop the display manager stand-in.service' "$(<told)"
expect_match "--plan" 'stop companion.service' "$(<told)"
expect_match "--plan" 'unbind the text console vtcon' "$(<told)"
expect_desktop "$before" # nothing was changed

for ((cycle = 1; cycle <= ${cycles:-3}; cycle++)); do
    step "cycle $cycle"
    start_guest gamer
    expect_running gamer
    expect_driver vfio-pci "$boot_display"
    expect_eq "the display manager" inactive "$(systemctl is-active display-manager.service || true)"
    expect_eq "its companion" inactive "$(systemctl is-active companion.service || true)"
    expect_eq "sessions on the seat" 0 "$(seat_sessions)"
    is_kept_awake || fail "nothing keeps the host from sleeping"
    destroy_guest gamer
    expect_driver bochs-drm "$boot_display"
    expect_desktop "$before"
    may_sleep || fail "the host may not sleep although the guest is gone"
done
