// Who has the nodes of a guest's second GPU, and of its sound, open beside a living desktop: what of that
// keeps the guest from its start, and the way out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "handover/finding.h"
#include "handover/guest.h"
#include "host/host.h"
#include "host/processes/holders.h"
#include "host/processes/sessions.h"
#include "host/processes/sound_servers.h"

namespace qh::handover {

// How far the conf's `reserve` has come for a device.
enum class Reservation {
  none,         // not asked for, or of no meaning for the device
  impossible,   // it carries the host's console
  no_database,  // udev, or what is there in its place, keeps no database: nobody asks for a seat
  missing,      // the rule is not there
  pending,      // the rule is there, and udev has not applied it to the card yet
  in_force,
};

// What the host tells about them, beyond who they are.
struct DesktopFacts {
  std::vector<host::LoginSession> sessions;
  std::map<int, host::Place> places;                  // of each holder
  std::map<int, std::vector<std::string>> variables;  // "WLR_DRM_DEVICES=…", of those of DRM cards
  std::vector<host::SoundWatcher> watchers;
  std::map<PciAddress, Reservation> reservations;  // of the guest's devices
  bool has_seatd = false;
};

DesktopFacts desktop_facts(const host::Host& host, const Guest& guest,
                           const std::vector<host::Holder>& holders);

// What it has to say of one device. `own` are the holders of the device's own nodes.
std::vector<Finding> check_desktop_holders(const Guest& guest, const Device& device,
                                           const std::vector<host::Holder>& own, const DesktopFacts& facts);

// Reservations that are wanted and do not hold what they promise, whoever has what open.
std::vector<Finding> check_reservation(const Guest& guest, const Device& device, const DesktopFacts& facts);

Reservation reservation(const host::Host& host, const Device& device);

// Whether a function is one that `reserve` is about, by its class: a display, or with "all" a sound function.
bool is_reservable(const std::string& identity, Reserve level);

}  // namespace qh::handover
