// Cards of guests that this host's desktops leave alone: a udev rule gives their nodes a seat of their own.
//
// Xorg and every Wayland compositor open each card of their seat, and only of their seat. A card on a seat
// that nobody sits at stays on its host driver and is free when its guest starts.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "core/reserve.h"
#include "host/host.h"
#include "host/services/udev.h"

namespace qh::host {

struct Reserved {
  PciAddress address;
  std::string identity;             // the card that is meant, "10de:2484 1462:3909 030000"
  Reserve level = Reserve::no;      // of a sound function, only "all" does anything
  std::vector<std::string> guests;  // whose card it is, for the rule's comment
};

// The whole file of rules; empty if nothing is reserved.
std::string udev_rules(const std::vector<Reserved>& all);
// The rules of one function, without the comment.
std::string udev_rule(const Reserved& function);
// Whether this program wrote that file.
bool is_our_rules(const std::string& text);

// The devices of a display or sound function that a rule is about: its DRM cards and render nodes, its sound
// cards and their nodes. Empty while it has no host driver.
std::vector<UdevDevice> reservable_devices(const Host& host, const PciAddress& function);

// Whether udev's database says of all these devices what it says under a rule of that level. True where there
// are none: the rule counts when they come.
bool is_in_force(const Host& host, const std::vector<UdevDevice>& devices, Reserve level);

}  // namespace qh::host
