// A host with a desktop on one card and another one for a guest.
#pragma once

#include <string>

namespace qh::fakes {

// The board's own graphics show the desktop; the guest's card is on its host driver, with sound. udev and
// logind run.
inline const std::string two_cards = R"(
pci 0000:00:02.0 8086:4680 1462:7d25 030000 i915 1 boot_vga=1
pci 0000:00:01.0 8086:460d 1462:7d25 060400 pcieport 2
pci 0000:00:01.0/0000:01:00.0 10de:2484 1462:3909 030000 nouveau 15 boot_vga=0
pci 0000:00:01.0/0000:01:00.1 10de:228b 1462:3909 040300 snd_hda_intel 15
char 0000:00:02.0 drm/card0 226:0 drm
char 0000:01:00.0 drm/card1 226:1 drm
char 0000:01:00.0 drm/renderD129 226:129 drm
file /sys/class/drm/card1-DP-1/status disconnected
char 0000:01:00.1 sound/card1/controlC1 116:9 sound
char 0000:01:00.1 sound/card1/pcmC1D3p 116:10 sound
file /sys/bus/pci/drivers/vfio-pci/module vfio_pci
file /run/udev/data/c226:0 E:ID_SEAT=
file /run/systemd/sessions/2 SEAT=seat0
file /run/systemd/sessions/2 UID=1000
file /run/systemd/sessions/2 USER=ann
file /run/systemd/sessions/2 ACTIVE=1
file /run/systemd/sessions/5 UID=1001
file /run/systemd/sessions/5 USER=bob
)";

// A desktop with both cards open: lightdm's Xorg, which is in the service and not in the session.
inline const std::string xorg = R"(
process 1 systemd open=/dev/dri/card1
process 200 systemd-logind open=/dev/dri/card1
process 304 Xorg open=/dev/dri/card0 open=/dev/dri/card1
file /proc/304/cgroup 0::/system.slice/lightdm.service
)";

// What udev's database says of the card's DRM nodes under the rule of a level.
inline std::string under_rule(const std::string& level) {
  std::string text;
  for (const char* id : {"c226:1", "c226:129", "+drm:card1-DP-1"})
    for (const std::string line :
         {"E:ID_SEAT=seat-qemu-hook", "E:QEMU_HOOK_RESERVE=", "G:master-of-seat", "Q:uaccess", "V:1"})
      text += "file /run/udev/data/" + std::string(id) + " " + line +
              (line == "E:QEMU_HOOK_RESERVE=" ? level : "") + "\n";
  return text;
}

inline const std::string two_cards_xml =
    "<domain><name>win10</name><devices>"
    "<hostdev mode='subsystem' type='pci'><source><address bus='0x01'/></source></hostdev>"
    "<hostdev mode='subsystem' type='pci'><source><address bus='0x01' function='0x1'/></source></hostdev>"
    "</devices></domain>";

}  // namespace qh::fakes
