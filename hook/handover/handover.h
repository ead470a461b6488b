// `prepare` and `release` of a guest: the whole of it, for libvirt and by hand.
#pragma once

#include <vector>

#include "handover/finding.h"
#include "handover/guest.h"
#include "handover/ports.h"
#include "handover/step.h"

namespace qh::handover {

// What would be said to a start of the guest now: check()'s findings, and the desktop's. Changes nothing.
std::vector<Finding> check(const Ports& ports, const Guest& guest);

// What `prepare` would do now: measures, changes nothing. Devices on a VFIO driver and those that are not
// ours need no step.
Plan plan(const Ports& ports, const Guest& guest);

// Frees and detaches the guest's devices, for the daemon in `ports` or by hand. On failure the host is as it
// was, the errors say why (the culprit first), and what could not be undone stays in the journal. A daemon
// that ends meanwhile is a failure: nobody would call release() then. Takes no longer than the conf's
// deadline `whole`, as release() and repair() do.
std::vector<Error> prepare(Ports& ports, const Guest& guest);

// Undoes what the guest's journal says; no journal is success. `guest` is the name.
std::vector<Error> release(Ports& ports, const std::string& guest);

// Gives back whatever is left over from a guest that is not running, by hand, and from one that runs what was
// unplugged from it: by its journal; by what can be read of it, if it is damaged; without one those of
// `addresses` that somebody has put on a VFIO driver at run time and nobody uses.
std::vector<Error> repair(Ports& ports, const std::string& guest, const std::vector<PciAddress>& addresses);

}  // namespace qh::handover
