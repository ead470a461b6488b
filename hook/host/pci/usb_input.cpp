#include "host/pci/usb_input.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "host/pci/beneath.h"

namespace qh::host {
namespace {

// include/uapi/linux/input-event-codes.h
constexpr unsigned ev_key = 1, ev_rel = 2, ev_abs = 3;
constexpr unsigned rel_x = 0, rel_y = 1, abs_x = 0, abs_y = 1;
constexpr unsigned key_esc = 1, key_s = 31, btn_left = 0x110, btn_tool_finger = 0x145;

// What a device can report, as sysfs shows it: hexadecimal words of the kernel's `long`, the highest first
// (input_print_bitmap in drivers/input/input.c).
bool has(const std::string& bitmap, unsigned bit) {
  constexpr unsigned width = sizeof(unsigned long) * 8;
  const auto all = words(bitmap);
  if (bit / width >= all.size()) return false;
  return ((to_number<unsigned long>(all[all.size() - 1 - bit / width], 16) >> (bit % width)) & 1U) != 0;
}

struct Kind {
  bool keyboard = false;
  bool mouse = false;
};

// As udev decides it (src/udev/udev-builtin-input_id.c in systemd): a keyboard has all of the first keys, Esc
// to S; a mouse moves in two directions and has a left button, a touchpad feels a finger.
Kind kind_of(const Host& host, const std::string& folder) {
  const auto read = [&](const char* which) {
    return host.sysfs.read(folder + "/capabilities/" + which).value_or("");
  };
  const std::string events = read("ev"), keys = read("key"), rel = read("rel"), abs = read("abs");
  if (!has(events, ev_key)) return {};
  Kind kind{true, false};
  for (unsigned key = key_esc; key <= key_s; ++key) kind.keyboard = kind.keyboard && has(keys, key);
  const bool moves = has(events, ev_rel) && has(rel, rel_x) && has(rel, rel_y);
  const bool points = has(events, ev_abs) && has(abs, abs_x) && has(abs, abs_y);
  kind.mouse =
      (moves && has(keys, btn_left)) || (points && (has(keys, btn_left) || has(keys, btn_tool_finger)));
  return kind;
}

// Made by a program (uinput: remappers, remote desktops), from what real devices report or from nothing.
// uhid's, which Bluetooth uses, hang elsewhere.
bool is_virtual(const std::string& target) {
  return target.find("/devices/virtual/input/") != std::string::npos;
}

}  // namespace

LastInputs last_inputs(const Host& host, const std::vector<PciAddress>& functions) {
  LastInputs last;
  const auto going = links_beneath(host, "class/input", functions);
  // Mostly none of them goes, and then it does not matter what they are.
  if (going.empty()) return last;
  Kind stays;
  for (const auto& entry : host.sysfs.list("class/input")) {
    const std::string folder = "class/input/" + entry;
    const auto target = host.sysfs.link_target(folder);
    if (!entry.starts_with("input") || !target || is_virtual(*target)) continue;
    const Kind kind = kind_of(host, folder);
    if (std::any_of(going.begin(), going.end(), [&](const auto& g) { return g.name == entry; })) {
      const std::string name = printable(host.sysfs.read(folder + "/name").value_or(entry));
      if (kind.keyboard) add_once(last.keyboards, name);
      if (kind.mouse) add_once(last.mice, name);
    } else {
      stays = {stays.keyboard || kind.keyboard, stays.mouse || kind.mouse};
    }
  }
  if (stays.keyboard) last.keyboards.clear();
  if (stays.mouse) last.mice.clear();
  return last;
}

}  // namespace qh::host
