#include "handover/repair.h"

#include "core/text.h"
#include "handover/claims.h"
#include "handover/device.h"
#include "handover/handover.h"
#include "handover/transaction.h"

namespace qh::handover {
namespace {

// Gives back what was unplugged from a guest that runs on.
std::vector<Error> return_unplugged(Ports& ports, const std::string& guest) {
  auto journal = Journal::open(ports.host, guest, ports.limit(ports.conf.deadlines.lock));
  if (!journal) return {journal.error()};
  std::vector<Error> errors;
  for (const auto& address : unplugged(ports.host, journal->record()))
    if (auto undone = undo_device(ports, *journal, address); !undone) errors.push_back(undone.error());
  return errors;
}

Result<void> give_back_without_journal(Ports& ports, const PciAddress& address) {
  const auto device = host::read_pci_device(ports.host, address);
  if (!device || !device->on_vfio) return {};
  const auto driver_override = read_driver_override(ports.host, address);
  if (!driver_override) return fail(driver_override.error());
  // Without an override it was bound at boot (vfio-pci.ids=…): that is how the host is meant to be.
  if (driver_override->empty()) return {};
  if (is_open_through_vfio(ports.host, address))
    return fail(ErrorKind::refused, address.text() + ": a running guest has it", "shut the guest down first");
  const Stopwatch watch;
  auto left = leave_vfio_for_any_driver(ports, address);
  if (left) ports.log.took("reattach " + address.text(), watch);
  return left;
}

// A damaged journal: every line of it that can be read is undone.
std::vector<Error> salvage(Ports& ports, const std::string& guest) {
  std::vector<Error> errors;
  const auto record = find_record(ports.host, guest);
  if (!record) return errors;
  for (auto step = record->steps.rbegin(); step != record->steps.rend(); ++step) {
    const std::string text = describe_undo(step->step);
    const Stopwatch watch;
    if (auto undone = undo(ports, step->step); !undone)
      errors.push_back(undone.error());
    else if (!text.empty())
      ports.log.took(text, watch);
  }
  return errors;
}

}  // namespace

std::vector<Error> recover(Ports& ports, const std::string& guest) {
  const auto record = find_record(ports.host, guest);
  if (record && holding(ports.host, *record) == Holding::running) {
    ports.log.warning("giving back what was unplugged from the guest " + in_quotes(guest));
    return return_unplugged(ports, guest);
  }
  ports.log.warning("undoing what was left over from the guest " + in_quotes(guest));
  return release(ports, guest);
}

Result<void> is_not_running(const Ports& ports, const std::string& guest) {
  const auto record = find_record(ports.host, guest);
  const auto pid = host::find_guest_process(ports.host, guest, record ? record->uuid : "");
  if (!pid) return {};
  return fail(ErrorKind::refused,
              "the guest " + in_quotes(guest) + " is running (process " + std::to_string(*pid) + ")",
              "shut it down: its devices then come back by themselves");
}

std::vector<Error> repair(Ports& ports, const std::string& guest, const std::vector<PciAddress>& addresses) {
  const Bounded bounded(ports, ports.conf.deadlines.whole);
  if (auto idle = is_not_running(ports, guest); !idle) {
    const auto record = find_record(ports.host, guest);
    if (record && !unplugged(ports.host, *record).empty()) return return_unplugged(ports, guest);
    return {idle.error()};
  }
  auto journal = Journal::open(ports.host, guest, ports.limit(ports.conf.deadlines.lock));
  if (journal) return undo_steps(ports, *journal);
  const bool is_damaged = journal.error().is(ErrorKind::bad_input);
  if (!is_damaged && !journal.error().is(ErrorKind::not_found)) return {journal.error()};
  std::vector<Error> errors;
  if (is_damaged) {
    ports.log.warning(journal.error().message + "; giving back what can still be read from it");
    errors = salvage(ports, guest);
  }
  for (const auto& address : addresses)
    if (auto given = give_back_without_journal(ports, address); !given) errors.push_back(given.error());
  if (is_damaged && errors.empty())
    if (auto removed = Journal::remove_damaged(ports.host, guest); !removed)
      errors.push_back(removed.error());
  return errors;
}

}  // namespace qh::handover
