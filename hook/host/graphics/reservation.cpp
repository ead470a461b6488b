#include "host/graphics/reservation.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "host/pci/beneath.h"

namespace qh::host {
namespace {

// No seat by that name ever appears: that takes a device with the tag master-of-seat.
constexpr char seat[] = "seat-qemu-hook";
constexpr char not_on_a_seat[] = ", TAG-=\"master-of-seat\", TAG-=\"seat\"";
// A property of our own, so that the database tells which rule was applied.
constexpr char level_property[] = "QEMU_HOOK_RESERVE";
constexpr char first_line[] =
    "# Written by qemu-hook: this host's desktops leave these cards of its guests alone.\n";

std::string class_of(const std::string& identity) {
  return identity.substr(identity.rfind(' ') + 1);
}

// Matches the function's own devices. All of it must hold for one and the same parent (udev(7), KERNELS and
// ATTRS), so that another card that comes to stand at the address is not meant. The card that the firmware
// shows its messages on is never meant, wherever it stands; only the class 0300 has the attribute
// (pci_dev_attrs_are_visible in drivers/pci/pci-sysfs.c), and a missing one matches nothing.
std::string match(const Reserved& f) {
  const std::string& i = f.identity;
  std::string text = ", KERNELS==\"" + f.address.text() + "\"";
  const auto add = [&](const char* attribute, const std::string& value) {
    text += std::string(", ATTRS{") + attribute + "}==\"0x" + value + "\"";
  };
  add("vendor", i.substr(0, 4));
  add("device", i.substr(5, 4));
  add("subsystem_vendor", i.substr(10, 4));
  add("subsystem_device", i.substr(15, 4));
  add("class", class_of(i));
  if (class_of(i).starts_with("0300")) text += ", ATTRS{boot_vga}==\"0\"";
  return text;
}

std::string set(const char* key, const std::string& value) {
  return std::string(", ENV{") + key + "}=\"" + value + "\"";
}

}  // namespace

std::string udev_rule(const Reserved& f) {
  // The seat takes the access from who sits at another one, and leaves root's and the groups'.
  const std::string hide = set("ID_SEAT", seat) + set(level_property, to_string(f.level)) +
                           (f.level == Reserve::all ? ", GROUP=\"root\", MODE=\"0600\"" : "");
  if (class_of(f.identity).starts_with("03"))
    // The sockets for monitors as well ("card1-DP-1"): they have their card's seat, and would make it one.
    return "SUBSYSTEM==\"drm\"" + match(f) + hide + not_on_a_seat + ", TAG+=\"mutter-device-ignore\"\n";
  // Sound servers go by properties of the card, which has no node.
  return "SUBSYSTEM==\"sound\"" + match(f) + hide + "\nSUBSYSTEM==\"sound\", KERNEL==\"card*\"" + match(f) +
         set("ACP_IGNORE", "1") + set("PULSE_IGNORE", "1") + "\n";
}

// The order counts: 71-seat.rules gives the tags that are taken away here, 73-seat-late.rules acts on the
// seat. The tag "uaccess" stays: with a seat that nobody sits at it takes a user's access away, and without
// it an old one would stay. An event "remove" has to tell of the seat that the device was opened on: KWin and
// wlroots would not listen else. A driver may ask for a look at its monitors while it comes up
// (virtio_gpu_config_changed_work_func of Linux 6.1): drm_sysfs_hotplug_event() then tells of a card without
// a parent, "/card1", and KWin would open it.
std::string udev_rules(const std::vector<Reserved>& all) {
  if (all.empty()) return {};
  std::string text =
      std::string(first_line) +
      "# Made from `reserve` in the guests' confs, /etc/libvirt/qemu-hook/guests; what is changed here"
      " is lost.\nACTION==\"remove\", GOTO=\"qemu_hook_end\"\n"
      "# Told before the card has its place, so that nothing says which it is: left to its `add`.\n"
      "SUBSYSTEM==\"drm\", DEVPATH==\"/card*\"" +
      set("ID_SEAT", seat) + not_on_a_seat + "\n";
  for (const auto& f : all)
    text += "\n# " + f.address.text() + ", " + to_string(f.level) + ", for " + printable(join(f.guests)) +
            "\n" + udev_rule(f);
  return text + "\nLABEL=\"qemu_hook_end\"\n";
}

bool is_our_rules(const std::string& text) {
  return text.starts_with(first_line);
}

std::vector<UdevDevice> reservable_devices(const Host& host, const PciAddress& function) {
  std::vector<UdevDevice> all;
  std::vector<std::string> sound_cards;
  for (const auto& found : links_beneath(host, "dev/char", {function})) {
    const std::string subsystem = host.sysfs.link("dev/char/" + found.name + "/subsystem").value_or("");
    if (subsystem != "drm" && subsystem != "sound") continue;
    const auto parts = split(found.path, '/');
    const std::string device(parts.back());
    all.push_back({"c" + found.name, subsystem, device});
    // "card1-DP-1", a socket for a monitor, has no number either.
    if (subsystem == "drm")
      for (const auto& socket : host.sysfs.list("class/drm"))
        if (socket.starts_with(device + "-")) all.push_back({"+drm:" + socket, "drm", socket});
    // "sound/card1/controlC1": the card itself has no number.
    if (subsystem == "sound" && parts.size() > 1) add_once(sound_cards, std::string(parts[parts.size() - 2]));
  }
  for (const auto& card : sound_cards) all.push_back({"+sound:" + card, "sound", card});
  return all;
}

bool is_in_force(const Host& host, const std::vector<UdevDevice>& devices, Reserve level) {
  return std::all_of(devices.begin(), devices.end(), [&](const UdevDevice& device) {
    const auto entry = udev_entry(host, device.id);
    const bool is_audio = device.subsystem == "sound";
    if (level == Reserve::no || (is_audio && level != Reserve::all))
      return entry.property(level_property).empty();
    return entry.property(level_property) == to_string(level) && entry.property("ID_SEAT") == seat &&
           !contains(entry.tags, "master-of-seat");
  });
}

}  // namespace qh::host
