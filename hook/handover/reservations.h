// Keeps udev's rule in step with what the confs of all guests say about `reserve`.
#pragma once

#include <string>
#include <vector>

#include "config/host_conf.h"
#include "handover/conf.h"
#include "handover/guest.h"
#include "host/graphics/reservation.h"
#include "host/host.h"
#include "host/processes/holders.h"
#include "host/services/udev.h"

namespace qh::handover {

// A function that is reserved, or was until now.
struct ReservedNow {
  PciAddress address;
  Reserve level = Reserve::no;
  bool in_force = false;
  std::vector<host::Holder> holders = {};  // for whose sake udev was not told to apply the rule now
};

struct Reservations {
  bool wrote = false;  // the file of rules was written or removed
  std::vector<ReservedNow> functions;
  std::vector<std::string> warnings;
};

// Whether a function is one that `reserve` is about, by its class: a display, or with "all" a sound function.
bool is_reservable(const std::string& identity, Reserve level);

// How far it has come for a device.
Reservation reservation(const host::Host& host, const Device& device);

// What all confs ask for. Fails where one of them cannot be read: what it reserves is not known then.
Result<std::vector<host::Reserved>> wanted_reservations(const host::Host& host,
                                                        const config::Defaults& defaults);

// Writes the rule if it is not there as wanted, removes it if nothing is reserved, and has udev apply it to
// the cards that nobody has open. Not to the others: a desktop that opened a card on its own seat would not
// hear of its removal any more, and a sound server that is told to ignore a card never closes it.
Result<Reservations> apply_reservations(const host::Host& host, host::Udev& udev,
                                        const config::Defaults& defaults);

// What `--setup GUEST --reserve=LEVEL` puts into the conf: the guest's displays, and with "all" the sound
// functions beside them; other levels there become "no".
ReserveSettings reserve_settings(const Guest& guest, Reserve level);

// Why the guest's displays are not to be reserved: there are none, the host's console is on one, or the host
// has no other card for its desktop.
Result<void> may_reserve(const host::Host& host, const config::Defaults& defaults, const Guest& guest);

// A sentence for each: what is in force, and what it takes.
std::string describe(const ReservedNow& function, const std::string& guest);

}  // namespace qh::handover
