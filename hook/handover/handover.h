// `prepare` and `release` of a guest: the whole of it, for libvirt and by hand. What goes before the claim
// (measure, check, plan) is in assessment.h, doing and undoing the steps in transaction.h, and what else
// gives devices back in repair.h.
#pragma once

#include <vector>

#include "handover/guest.h"
#include "handover/ports.h"

namespace qh::handover {

// Frees and detaches the guest's devices, for the daemon in `ports` or by hand. On failure the host is as it
// was, the errors say why (the culprit first), and what could not be undone stays in the journal. A daemon
// that ends meanwhile is a failure: nobody would call release() then. Takes no longer than the conf's
// deadline `whole`, as release() does.
std::vector<Error> prepare(Ports& ports, const Guest& guest);

// Undoes what the guest's journal says; no journal is success. `guest` is the name.
std::vector<Error> release(Ports& ports, const std::string& guest);

}  // namespace qh::handover
