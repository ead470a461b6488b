// Claims the devices for the guest: from then on they are the guest's, and the journal says so.
#pragma once

#include "handover/guest.h"
#include "handover/journal.h"
#include "handover/ports.h"

namespace qh::handover {

// Waits for guests that are just starting or ending with one of the devices, assesses the guest, and writes
// its journal with the plan. Only the last of these is done under the lock that orders claims. The errors are
// the findings that refuse the start, the culprit first.
tl::expected<Journal, std::vector<Error>> claim(Ports& ports, const Guest& guest, const Deadline& deadline);

}  // namespace qh::handover
