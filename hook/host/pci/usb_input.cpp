#include "host/pci/usb_input.h"

#include <algorithm>
#include <cstdlib>

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
class Capabilities {
 public:
  explicit Capabilities(const std::string& text) {
    for (const auto word : split(text, ' '))
      if (!word.empty()) words_.push_back(std::strtoul(std::string(word).c_str(), nullptr, 16));
    std::reverse(words_.begin(), words_.end());
  }
  bool has(unsigned bit) const {
    constexpr unsigned width = sizeof(unsigned long) * 8;
    return bit / width < words_.size() && ((words_[bit / width] >> (bit % width)) & 1U) != 0;
  }

 private:
  std::vector<unsigned long> words_;
};

struct InputDevice {
  std::string name;
  bool keyboard = false;
  bool mouse = false;
  bool goes = false;  // with the functions
};

// As udev decides it (src/udev/udev-builtin-input_id.c in systemd): a keyboard has all of the first keys, Esc
// to S; a mouse moves in two directions and has a left button, a touchpad feels a finger.
void classify(const Host& host, const std::string& folder, InputDevice& device) {
  const auto read = [&](const char* which) {
    return Capabilities(host.sysfs.read(folder + "/capabilities/" + which).value_or(""));
  };
  const Capabilities events = read("ev"), keys = read("key"), rel = read("rel"), abs = read("abs");
  if (!events.has(ev_key)) return;
  device.keyboard = true;
  for (unsigned key = key_esc; key <= key_s; ++key) device.keyboard = device.keyboard && keys.has(key);
  const bool moves = events.has(ev_rel) && rel.has(rel_x) && rel.has(rel_y);
  const bool points = events.has(ev_abs) && abs.has(abs_x) && abs.has(abs_y);
  device.mouse =
      (moves && keys.has(btn_left)) || (points && (keys.has(btn_left) || keys.has(btn_tool_finger)));
}

// Made by a program (uinput: remappers, remote desktops), from what real devices report or from nothing.
// uhid's, which Bluetooth uses, hang elsewhere.
bool is_virtual(const std::string& target) {
  return target.find("/devices/virtual/input/") != std::string::npos;
}

std::vector<InputDevice> input_devices(const Host& host, const std::vector<PciAddress>& functions) {
  const auto goes = [&](const std::string& target) {
    return std::any_of(functions.begin(), functions.end(),
                       [&](const auto& f) { return target.find("/" + f.text() + "/") != std::string::npos; });
  };
  std::vector<std::pair<std::string, std::string>> found;  // folder and target
  for (const auto& entry : host.sysfs.list("class/input")) {
    if (entry.compare(0, 5, "input") != 0) continue;
    const std::string folder = "class/input/" + entry;
    const auto target = host.sysfs.link_target(folder);
    if (target && !is_virtual(*target)) found.emplace_back(folder, *target);
  }
  std::vector<InputDevice> all;
  // Mostly none of them goes, and then it does not matter what they are.
  if (std::none_of(found.begin(), found.end(), [&](const auto& f) { return goes(f.second); })) return all;
  for (const auto& [folder, target] : found) {
    InputDevice device;
    classify(host, folder, device);
    if (!device.keyboard && !device.mouse) continue;
    device.name = printable(host.sysfs.read(folder + "/name").value_or(folder.substr(folder.rfind('/') + 1)));
    device.goes = goes(target);
    all.push_back(std::move(device));
  }
  return all;
}

// The names of those that `is` picks, if all of them go.
std::vector<std::string> names_if_all_go(const std::vector<InputDevice>& devices, bool InputDevice::*is) {
  std::vector<std::string> names;
  for (const auto& device : devices) {
    if (!(device.*is)) continue;
    if (!device.goes) return {};
    add_once(names, device.name);
  }
  return names;
}

}  // namespace

LastInputs last_inputs(const Host& host, const std::vector<PciAddress>& functions) {
  const auto devices = input_devices(host, functions);
  return {names_if_all_go(devices, &InputDevice::keyboard), names_if_all_go(devices, &InputDevice::mouse)};
}

}  // namespace qh::host
