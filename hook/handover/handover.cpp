#include "handover/handover.h"

#include "handover/claim.h"
#include "handover/repair.h"
#include "handover/transaction.h"

namespace qh::handover {

std::vector<Error> prepare(Ports& ports, const Guest& guest) {
  const Stopwatch watch;
  const Milliseconds whole = ports.conf.deadlines.whole;
  const Deadline end(whole);
  // A third of the time is kept for undoing it all.
  std::optional<Bounded> bounded(std::in_place, ports, whole * 2 / 3);
  if (!ports.daemon)
    if (auto idle = is_not_running(ports, guest.name); !idle) return {idle.error()};
  if (has_journal(ports.host, guest.name))
    if (auto errors = recover(ports, guest.name); !errors.empty()) return errors;

  const Deadline deadline(ports.limit(ports.conf.deadlines.lock));
  auto journal = claim(ports, guest, deadline);
  if (!journal) return journal.error();

  auto executed = run_steps(ports, *journal);
  if (executed) {
    ports.log.took("prepared, " + std::to_string(guest.devices.size()) + " device(s) ready for the guest",
                   watch);
    return {};
  }
  std::vector<Error> errors{executed.error()};
  bounded.reset();
  bounded.emplace(ports, end.left());
  for (auto& error : undo_steps(ports, *journal))
    // The device that a driver does not let go of has been named.
    if (executed.error().stuck_pid == 0 || error.stuck_pid != executed.error().stuck_pid)
      errors.push_back(std::move(error));
  return errors;
}

std::vector<Error> release(Ports& ports, const std::string& guest) {
  const Stopwatch watch;
  const Bounded bounded(ports, ports.conf.deadlines.whole);
  auto journal = Journal::open(ports.host, guest, ports.limit(ports.conf.deadlines.lock));
  if (!journal && journal.error().is(ErrorKind::not_found)) return {};
  if (!journal) return {journal.error()};
  auto errors = undo_steps(ports, *journal);
  if (errors.empty()) ports.log.took("released, the host is as it was", watch);
  return errors;
}

}  // namespace qh::handover
