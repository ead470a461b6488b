// The steps that make the host's desktop and programs let go of a card, done and undone. Each brings what it
// is about to its state from whatever state that is in.
#pragma once

#include "handover/journal.h"
#include "handover/ports.h"
#include "handover/step.h"
#include "host/processes/holders.h"

namespace qh::handover {

// Who has the devices' nodes open now, but those of what is plugged into them.
std::vector<host::Holder> holders_of(const Ports& ports, const std::vector<PciAddress>& devices);

Result<void> execute(Ports& ports, const Record& record, const InhibitSleep& step);
Result<void> execute(Ports& ports, const Record& record, const StopDisplayManager& step);
Result<void> execute(Ports& ports, const Record& record, const EndSessions& step);
Result<void> execute(Ports& ports, const Record& record, const StopService& step);
Result<void> execute(Ports& ports, const Record& record, const EndPersistence& step);
// timed_out: names who holds what.
Result<void> execute(Ports& ports, const Record& record, const WaitForHolders& step);

Result<void> undo(Ports& ports, const InhibitSleep& step);
// Once the cards have their DRM nodes; without them only where the host has another card to show it on.
Result<void> undo(Ports& ports, const StopDisplayManager& step);
Result<void> undo(Ports& ports, const StopService& step);
Result<void> undo(Ports& ports, const EndPersistence& step);

}  // namespace qh::handover
