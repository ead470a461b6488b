// `prepare` and `release` of a guest, and what repairs one that went wrong: the whole of it, for libvirt and
// by hand. What goes before the claim (measure, check, plan) is in assessment.h, doing and undoing the steps
// in transaction.h.
#pragma once

#include <string>
#include <vector>

#include "handover/guest.h"
#include "handover/ports.h"

namespace qh::handover {

// Frees and detaches the guest's devices, for the daemon in `ports` or by hand. On failure the host is as it
// was, the errors say why (the culprit first), and what could not be undone stays in the journal. A daemon
// that ends meanwhile is a failure: nobody would call release() then. Takes no longer than the conf's
// deadline `whole`, as release() does.
std::vector<Error> prepare(Ports& ports, const Guest& guest);

// Undoes what the guest's journal says; no journal is success. `guest` is the name. Nothing where the daemon
// in `ports` has ended and another looks after the guest now.
std::vector<Error> release(Ports& ports, const std::string& guest);

// Gives back whatever is left over from a guest that is not running, by hand, and from one that runs what was
// unplugged from it: by its journal; by what can be read of it, if it is damaged; without one those of
// `addresses` that somebody has put on a VFIO driver at run time and nobody uses.
std::vector<Error> repair(Ports& ports, const std::string& guest, const std::vector<PciAddress>& addresses);

}  // namespace qh::handover
