#include "handover/handover.h"

#include <unistd.h>

#include <algorithm>

#include "core/text.h"
#include "handover/device.h"
#include "handover/planner.h"
#include "handover/transaction.h"
#include "host/names.h"

namespace qh::handover {
namespace {

// A journal that is still there although its guest is not running: undo it.
std::vector<Error> recover(Ports& ports, const std::string& guest) {
  ports.log.warning("undoing what was left over from the guest " + in_quotes(guest));
  return release(ports, guest);
}

// Takes the folder's lock with no other guest's claim in the way, as far as waiting and recovering can do
// that. What conflicts remain the checks will report.
Result<host::Fd> lock_claims(Ports& ports, const Guest& guest) {
  const Deadline deadline(ports.conf.deadlines.lock);
  std::vector<std::string> tried;  // leftovers whose undoing was tried; once is enough
  for (bool told = false;;) {
    auto lock = lock_folder(ports.root, deadline.left());
    if (!lock) return lock;
    bool wait = false;
    std::string leftover;
    for (const auto& c : find_conflicts(ports.root, guest.name, guest.addresses())) {
      if (c.holding == Holding::running || c.holding == Holding::by_hand) return lock;  // no waiting helps
      if (c.holding == Holding::changing) wait = true;
      if (c.holding == Holding::leftover &&
          std::find(tried.begin(), tried.end(), c.owner.guest) == tried.end())
        leftover = c.owner.guest;
      if (c.holding == Holding::changing && !told) {
        ports.log.info("waiting for the guest " + in_quotes(c.owner.guest) +
                       ", which is starting or ending with " + c.address.text());
        told = true;
      }
    }
    if (!leftover.empty()) {
      lock->reset();
      tried.push_back(leftover);
      (void)recover(ports, leftover);  // its errors are logged; the checks see what is left
    } else if (wait && !deadline.passed()) {
      lock->reset();
      std::this_thread::sleep_for(Milliseconds{50});
    } else {
      return lock;
    }
  }
}

std::vector<Error> to_errors(const std::vector<Finding>& findings) {
  std::vector<Error> errors;
  for (const auto& f : findings)
    if (f.severity == Severity::error) errors.push_back({ErrorKind::refused, f.message, f.remedy});
  return errors;
}

Result<Journal> claim(Ports& ports, const Guest& guest, const Plan& plan, Caller caller) {
  Record record;
  record.guest = guest.name;
  record.uuid = guest.uuid;
  if (caller == Caller::hook) record.daemon = host::find_process(ports.root, ::getppid());
  record.since = std::time(nullptr);
  record.devices = guest.addresses();
  for (const auto& planned : plan) record.steps.push_back({planned.step});
  return Journal::create(ports.root, record);
}

std::vector<Error> give_back_without_journal(Ports& ports, const std::vector<PciAddress>& addresses) {
  std::vector<Error> errors;
  for (const auto& address : addresses) {
    const auto device = host::read_pci_device(ports.sysfs, address);
    if (!device || !device->on_vfio) continue;
    const auto driver_override = read_driver_override(ports, address);
    if (!driver_override) {
      errors.push_back(driver_override.error());
      continue;
    }
    // Without an override it was bound at boot (vfio-pci.ids=…): that is how the host is meant to be.
    if (driver_override->empty()) continue;
    if (vfio_group_busy(ports, device->iommu_group)) {
      errors.push_back(
          {ErrorKind::refused, address.text() + ": a running guest has it", "shut the guest down first"});
      continue;
    }
    const Stopwatch watch;
    if (auto left = leave_vfio_for_any_driver(ports, address); !left)
      errors.push_back(left.error());
    else
      ports.log.took("reattach " + address.text(), watch);
  }
  return errors;
}

// A damaged journal: every line of it that can be read, and then the file goes.
std::vector<Error> salvage(Ports& ports, const std::string& guest) {
  std::vector<Error> errors;
  for (const auto& record : list_records(ports.root)) {
    if (record.guest != guest) continue;
    for (auto step = record.steps.rbegin(); step != record.steps.rend(); ++step) {
      const auto* detached = std::get_if<Detach>(&step->step);
      if (detached == nullptr) continue;
      const Stopwatch watch;
      if (auto back = give_back(ports, detached->device); !back)
        errors.push_back(back.error());
      else
        ports.log.took("reattach " + detached->device.address.text(), watch);
    }
  }
  return errors;
}

// Whoever has the guest's devices by hand could take them from under its QEMU.
Result<void> is_not_running(const Ports& ports, const std::string& guest) {
  std::string uuid;
  for (const auto& record : list_records(ports.root))
    if (record.guest == guest) uuid = record.uuid;
  const auto pid = host::find_guest_process(ports.root, guest, uuid);
  if (!pid) return {};
  return fail(ErrorKind::refused,
              "the guest " + in_quotes(guest) + " is running (process " + std::to_string(*pid) + ")",
              "shut it down first: its devices come back by themselves then");
}

}  // namespace

Result<Plan> plan(const Ports& ports, const Guest& guest) {
  std::vector<ToDetach> devices;
  for (const auto& d : guest.devices) {
    // A device on a VFIO driver already is not ours: not touched, not given back.
    if (!d.is_ours() || !d.present || d.present->on_vfio) continue;
    auto driver_override = read_driver_override(ports, d.address());
    if (!driver_override) return fail(driver_override.error());
    devices.push_back(
        {{d.address(), d.present->driver, *driver_override}, d.present->is_audio(), d.present->is_display()});
  }
  return make_plan(std::move(devices), ports.sysfs.exists(names::vfio_pci_driver));
}

std::vector<Error> prepare(Ports& ports, const Guest& guest, Caller caller) {
  const Stopwatch watch;
  if (caller == Caller::hand)
    if (auto idle = is_not_running(ports, guest.name); !idle) return {idle.error()};
  if (has_journal(ports.root, guest.name))
    if (auto errors = recover(ports, guest.name); !errors.empty()) return errors;

  auto lock = lock_claims(ports, guest);
  if (!lock) return {lock.error()};
  // A device may have come back to its host driver while we waited: look again.
  Guest fresh = guest;
  for (auto& d : fresh.devices) d.present = host::read_pci_device(ports.sysfs, d.address());
  const Survey now = survey(ports.root, ports.sysfs, std::move(fresh));
  const auto findings = check(now);
  for (const auto& f : findings)
    if (f.severity == Severity::warning) ports.log.warning(f.message);
  if (has_errors(findings)) return to_errors(findings);

  const auto steps = plan(ports, now.guest);
  if (!steps) return {steps.error()};
  auto journal = claim(ports, now.guest, *steps, caller);
  if (!journal) return {journal.error()};
  lock->reset();

  auto executed = execute(ports, *journal);
  if (executed) {
    ports.log.took("prepared, " + std::to_string(now.guest.devices.size()) + " device(s) ready for the guest",
                   watch);
    return {};
  }
  std::vector<Error> errors{executed.error()};
  for (auto& error : undo(ports, *journal))
    // The device that a driver does not let go of has been named.
    if (executed.error().stuck_pid == 0 || error.stuck_pid != executed.error().stuck_pid) errors.push_back(std::move(error));
  return errors;
}

std::vector<Error> release(Ports& ports, const std::string& guest) {
  const Stopwatch watch;
  auto journal = Journal::open(ports.root, guest, ports.conf.deadlines.lock);
  if (!journal && journal.error().is(ErrorKind::not_found)) return {};
  if (!journal) return {journal.error()};
  auto errors = undo(ports, *journal);
  if (errors.empty()) ports.log.took("released, the host is as it was", watch);
  return errors;
}

std::vector<Error> repair(Ports& ports, const std::string& guest, const std::vector<PciAddress>& addresses) {
  if (auto idle = is_not_running(ports, guest); !idle) return {idle.error()};
  auto journal = Journal::open(ports.root, guest, ports.conf.deadlines.lock);
  if (journal) return undo(ports, *journal);
  if (journal.error().is(ErrorKind::not_found)) return give_back_without_journal(ports, addresses);
  if (!journal.error().is(ErrorKind::bad_input)) return {journal.error()};

  ports.log.warning(journal.error().message + "; giving back what can be told from it");
  auto errors = salvage(ports, guest);
  for (auto& error : give_back_without_journal(ports, addresses)) errors.push_back(std::move(error));
  if (errors.empty())
    if (auto removed = Journal::remove_damaged(ports.root, guest); !removed)
      errors.push_back(removed.error());
  return errors;
}

}  // namespace qh::handover
