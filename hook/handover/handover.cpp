#include "handover/handover.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "handover/assessment.h"
#include "handover/claims.h"
#include "handover/repair.h"
#include "handover/transaction.h"

namespace qh::handover {
namespace {

// Waits for other guests that are just starting or ending with one of the devices, and undoes what guests
// left that are no more. What stays in the way after that, and after the deadline, the checks report. Takes
// no lock: journals are read whole.
void wait_for_others(Ports& ports, const Guest& guest, const Deadline& deadline) {
  std::vector<std::string> tried;  // leftovers whose undoing was tried; once is enough
  for (bool told = false;;) {
    bool wait = false;
    std::string leftover;
    for (const auto& c : find_conflicts(ports.host, guest.name, devices_in_groups(ports.host, guest))) {
      if (c.holding == Holding::running || c.holding == Holding::by_hand) return;  // no waiting helps
      const bool is_new = !contains(tried, c.owner.guest);
      if (c.holding == Holding::leftover && is_new) leftover = c.owner.guest;
      if (c.holding != Holding::changing) continue;
      wait = true;
      if (!told)
        ports.log.info("waiting for the guest " + in_quotes(c.owner.guest) +
                       ", which is starting or ending with " + c.address.text());
      told = true;
    }
    if (!leftover.empty()) {
      tried.push_back(leftover);
      (void)recover(ports, leftover);  // its errors are logged; the checks see what is left
    } else if (!wait || deadline.passed()) {
      return;
    } else {
      std::this_thread::sleep_for(Milliseconds{50});
    }
  }
}

std::vector<Error> to_errors(const std::vector<Finding>& findings) {
  std::vector<Error> errors;
  for (const auto& f : findings)
    if (f.severity == Severity::error) errors.push_back({ErrorKind::refused, f.message, f.remedy});
  return errors;
}

Record make_record(const Ports& ports, const Guest& guest, const Plan& plan) {
  Record record;
  record.guest = guest.name;
  record.uuid = guest.uuid;
  record.daemon = ports.daemon;
  record.since = std::time(nullptr);
  record.devices = guest.addresses();
  for (const auto& planned : plan) record.steps.push_back({planned.step});
  return record;
}

// All that is in the way is somebody who has a device open, and who may close it in a moment.
bool may_pass(const std::vector<Finding>& findings) {
  return has_errors(findings) && std::ranges::all_of(findings, [](const Finding& f) {
           return f.severity != Severity::error || f.check == "holders" || f.check == "in use";
         });
}

// The guest with its devices as they are now.
Guest looked_at_again(const Ports& ports, Guest guest) {
  for (auto& d : guest.devices) d.present = host::read_pci_device(ports.host, d.address());
  return guest;
}

bool same_drivers(const Guest& a, const Guest& b) {
  const auto driver = [](const Device& d) {
    return d.present ? std::optional(d.present->driver) : std::nullopt;
  };
  return std::ranges::equal(a.devices, b.devices, {}, driver, driver);
}

// Waits for guests that are just starting or ending with one of the devices, assesses the guest, and writes
// its journal with the plan. Only the last of these is done under the lock that orders claims. The errors are
// the findings that refuse the start, the culprit first.
tl::expected<Journal, std::vector<Error>> claim(Ports& ports, const Guest& guest, const Deadline& deadline) {
  using Errors = tl::unexpected<std::vector<Error>>;
  // Whoever looks at a device that has just appeared (udev, a sound server) is soon done.
  const Deadline passers_by(Milliseconds{1000});
  for (bool again = false;; again = true) {
    if (again) std::this_thread::sleep_for(Milliseconds{50});
    wait_for_others(ports, guest, deadline);
    // A device may have come back to its host driver while we waited: look again.
    const Assessment now = assess(ports.host, ports.services, looked_at_again(ports, guest));
    const bool changing = std::ranges::count(now.survey.conflicts, Holding::changing, &Conflict::holding) > 0;
    if (changing && !deadline.passed()) continue;
    if (may_pass(now.findings) && !passers_by.passed()) continue;
    if (has_errors(now.findings)) return Errors(to_errors(now.findings));

    // Claims are made one at a time, and looking at everything takes its time: somebody may have been faster.
    const auto lock = lock_folder(ports.host, std::max(deadline.left(), Milliseconds{1000}));
    if (!lock) return Errors({lock.error()});
    const Guest current = looked_at_again(ports, guest);
    const auto groups = devices_in_groups(ports.host, current);
    const bool is_late =
        !same_drivers(current, now.survey.guest) || !find_conflicts(ports.host, guest.name, groups).empty();
    if (is_late && !ports.whole->passed()) continue;
    if (is_late)
      return Errors(
          {{ErrorKind::timed_out, "other guests keep changing their devices", "try again in a moment"}});
    auto journal = Journal::create(ports.host, make_record(ports, current, now.plan));
    if (!journal) return Errors({journal.error()});
    for (const auto& f : now.findings) ports.log.warning(f.message);
    return std::move(*journal);
  }
}

}  // namespace

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
