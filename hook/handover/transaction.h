// Runs a plan so that it is done whole or not at all, and undoes it later from its journal.
//
// Theory of operation. A step is written to the journal before it is executed, with what was measured before,
// so whoever finds the journal knows what may have been touched: this process when a later step fails,
// `release` when the guest ends, the next `prepare` or a person after a crash. Undoing a step brings its
// object to the measured state from whatever state it is in, so it does not matter whether the step was done,
// half done or never reached the kernel, nor whether it was undone before. Steps are undone in reverse, each
// whatever became of the others; failures are collected. The journal goes when all is undone; otherwise it
// stays, and with it the claim.
#pragma once

#include <vector>

#include "handover/journal.h"
#include "handover/ports.h"

namespace qh::handover {

// refused: the daemon in `ports` has ended. By hand there is none that could.
Result<void> daemon_lives(const Ports& ports);

// Whether an end of the guest is no more the business of the daemon in `ports`, which called for it: that one
// has ended, and the guest runs again, is being started, or another daemon sees to its end. For whoever has
// the journal's lock.
bool is_overtaken(const Ports& ports, const Record& record);

// Executes the steps of a fresh journal in order, up to the first failure; refused once the daemon that waits
// has ended, timed_out when the time for all is over, with the steps that were not reached.
Result<void> run_steps(Ports& ports, Journal& journal);

// Undoes every step that was begun. Empty: all is as it was, and the journal is gone.
std::vector<Error> undo_steps(Ports& ports, Journal& journal);

// Undoes the steps about one device, and ends the guest's claim on it: the guest runs on without it.
Result<void> undo_device(Ports& ports, Journal& journal, const PciAddress& address);

}  // namespace qh::handover
