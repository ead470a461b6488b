#include "handover/handover.h"

#include <unistd.h>

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "handover/checks.h"
#include "handover/device.h"
#include "handover/planner.h"
#include "handover/primary.h"
#include "handover/readiness.h"
#include "handover/transaction.h"
#include "host/names.h"

namespace qh::handover {
namespace {

// Gives back what was unplugged from a guest that runs on.
std::vector<Error> return_unplugged(Ports& ports, const std::string& guest) {
  auto journal = Journal::open(ports.root, guest, ports.limit(ports.conf.deadlines.lock));
  if (!journal) return {journal.error()};
  std::vector<Error> errors;
  for (const auto& address : unplugged(ports.root, ports.sysfs, journal->record()))
    if (auto undone = undo_device(ports, *journal, address); !undone) errors.push_back(undone.error());
  return errors;
}

// A journal that is still there although its guest is not running: undo it.
std::vector<Error> recover(Ports& ports, const std::string& guest) {
  const auto record = find_record(ports.root, guest);
  if (record && holding(ports.root, *record) == Holding::running) {
    ports.log.warning("giving back what was unplugged from the guest " + in_quotes(guest));
    return return_unplugged(ports, guest);
  }
  ports.log.warning("undoing what was left over from the guest " + in_quotes(guest));
  return release(ports, guest);
}

// Waits for other guests that are just starting or ending with one of the devices, and undoes what guests
// left that are no more. What stays in the way after that, and after the deadline, the checks report. Takes
// no lock: journals are read whole.
void wait_for_others(Ports& ports, const Guest& guest, const Deadline& deadline) {
  std::vector<std::string> tried;  // leftovers whose undoing was tried; once is enough
  for (bool told = false;;) {
    bool wait = false;
    std::string leftover;
    for (const auto& c :
         find_conflicts(ports.root, ports.sysfs, guest.name, devices_in_groups(ports.sysfs, guest))) {
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
    if (is_open_through_vfio(ports.root, ports.sysfs, address)) {
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

// A damaged journal: every line of it that can be read is undone.
std::vector<Error> salvage(Ports& ports, const std::string& guest) {
  std::vector<Error> errors;
  const auto record = find_record(ports.root, guest);
  if (!record) return errors;
  for (auto step = record->steps.rbegin(); step != record->steps.rend(); ++step) {
    const std::string text = describe_undo(step->step);
    const Stopwatch watch;
    if (auto undone = undo_step(ports, step->step); !undone)
      errors.push_back(undone.error());
    else if (!text.empty())
      ports.log.took(text, watch);
  }
  return errors;
}

// Whoever has the guest's devices by hand could take them from under its QEMU.
Result<void> is_not_running(const Ports& ports, const std::string& guest) {
  const auto record = find_record(ports.root, guest);
  const auto pid = host::find_guest_process(ports.root, guest, record ? record->uuid : "");
  if (!pid) return {};
  return fail(ErrorKind::refused,
              "the guest " + in_quotes(guest) + " is running (process " + std::to_string(*pid) + ")",
              "shut it down first: its devices come back by themselves then");
}

// All that is known before anything is decided: the host, the guest and the screen, measured once.
struct Look {
  Survey survey;
  std::vector<ToDetach> devices;
  std::optional<Screen> screen;
  std::vector<Finding> findings;
};

Look look(const Ports& ports, const Guest& guest) {
  Look l{survey(ports.root, ports.sysfs, guest), {}, {}, {}};
  l.findings = check(l.survey);
  const auto add = [&](const std::string& device, const Error& error) {
    l.findings.push_back({"answers", Severity::error, device, error.message, error.remedy});
  };
  for (const auto& d : guest.devices) {
    // A device on a VFIO driver already is not ours: not touched, not given back.
    if (!d.is_ours() || !d.present || d.present->on_vfio) continue;
    auto driver_override = read_driver_override(ports, d.address());
    if (!driver_override) {
      add(d.address().text(), driver_override.error());
      continue;
    }
    l.devices.push_back(
        {{d.address(), d.present->driver, *driver_override}, d.present->is_audio(), d.present->is_display()});
  }
  auto screen = measure_screen(ports, guest, l.devices);
  if (!screen)
    add("", screen.error());
  else
    l.screen = std::move(*screen);
  if (l.screen)
    if (auto stays = check_desktop(*l.screen)) l.findings.push_back(std::move(*stays));
  return l;
}

Plan make_plan(const Ports& ports, const Look& l) {
  auto steps = make_plan(l.devices, ports.sysfs.exists(names::vfio_pci_driver));
  return l.screen ? around(*l.screen, std::move(steps)) : steps;
}

}  // namespace

std::vector<Finding> check(const Ports& ports, const Guest& guest) {
  be_confined_as_the_hook(ports.root);
  return look(ports, guest).findings;
}

Plan plan(const Ports& ports, const Guest& guest) {
  return make_plan(ports, look(ports, guest));
}

namespace {

// Somebody has a device open, who may close it in a moment.
bool only_holders(const std::vector<Finding>& findings) {
  return has_errors(findings) && std::all_of(findings.begin(), findings.end(), [](const Finding& f) {
           return f.severity != Severity::error || f.check == "holders" || f.check == "in use";
         });
}

// The guest with its devices as they are now.
Guest looked_at_again(const Ports& ports, Guest guest) {
  for (auto& d : guest.devices) d.present = host::read_pci_device(ports.sysfs, d.address());
  return guest;
}

bool same_drivers(const Guest& a, const Guest& b) {
  return std::equal(a.devices.begin(), a.devices.end(), b.devices.begin(), b.devices.end(),
                    [](const Device& x, const Device& y) {
                      return x.present.has_value() == y.present.has_value() &&
                             (!x.present || x.present->driver == y.present->driver);
                    });
}

// Checks everything, and writes the journal with the plan: from then on the devices are the guest's.
tl::expected<Journal, std::vector<Error>> claim(Ports& ports, const Guest& guest, const Deadline& deadline) {
  using Errors = tl::unexpected<std::vector<Error>>;
  // Whoever looks at a device that has just appeared (udev, a sound server) is soon done.
  const Deadline passers_by(Milliseconds{1000});
  for (bool again = false;; again = true) {
    if (again) std::this_thread::sleep_for(Milliseconds{50});
    wait_for_others(ports, guest, deadline);
    // A device may have come back to its host driver while we waited: look again.
    const Look l = look(ports, looked_at_again(ports, guest));
    const bool changing = std::any_of(l.survey.conflicts.begin(), l.survey.conflicts.end(),
                                      [](const Conflict& c) { return c.holding == Holding::changing; });
    if (changing && !deadline.passed()) continue;
    if (only_holders(l.findings) && !passers_by.passed()) continue;
    if (has_errors(l.findings)) return Errors(to_errors(l.findings));
    const Plan steps = make_plan(ports, l);

    // Claims are made one at a time, and looking at everything takes its time: somebody may have been faster.
    const auto lock = lock_folder(ports.root, std::max(deadline.left(), Milliseconds{1000}));
    if (!lock) return Errors({lock.error()});
    const Guest current = looked_at_again(ports, guest);
    const auto groups = devices_in_groups(ports.sysfs, current);
    const bool is_late = !same_drivers(current, l.survey.guest) ||
                         !find_conflicts(ports.root, ports.sysfs, guest.name, groups).empty();
    if (is_late && !ports.whole->passed()) continue;
    if (is_late)
      return Errors(
          {{ErrorKind::timed_out, "other guests' devices change all the time", "try again in a moment"}});
    auto journal = Journal::create(ports.root, make_record(ports, current, steps));
    if (!journal) return Errors({journal.error()});
    for (const auto& f : l.findings) ports.log.warning(f.message);
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
  if (has_journal(ports.root, guest.name))
    if (auto errors = recover(ports, guest.name); !errors.empty()) return errors;

  const Deadline deadline(ports.limit(ports.conf.deadlines.lock));
  auto journal = claim(ports, guest, deadline);
  if (!journal) return journal.error();

  auto executed = execute(ports, *journal);
  if (executed) {
    ports.log.took("prepared, " + std::to_string(guest.devices.size()) + " device(s) ready for the guest",
                   watch);
    return {};
  }
  std::vector<Error> errors{executed.error()};
  bounded.reset();
  bounded.emplace(ports, end.left());
  for (auto& error : undo(ports, *journal))
    // The device that a driver does not let go of has been named.
    if (executed.error().stuck_pid == 0 || error.stuck_pid != executed.error().stuck_pid)
      errors.push_back(std::move(error));
  return errors;
}

std::vector<Error> release(Ports& ports, const std::string& guest) {
  const Stopwatch watch;
  const Bounded bounded(ports, ports.conf.deadlines.whole);
  auto journal = Journal::open(ports.root, guest, ports.limit(ports.conf.deadlines.lock));
  if (!journal && journal.error().is(ErrorKind::not_found)) return {};
  if (!journal) return {journal.error()};
  auto errors = undo(ports, *journal);
  if (errors.empty()) ports.log.took("released, the host is as it was", watch);
  return errors;
}

std::vector<Error> repair(Ports& ports, const std::string& guest, const std::vector<PciAddress>& addresses) {
  const Bounded bounded(ports, ports.conf.deadlines.whole);
  if (auto idle = is_not_running(ports, guest); !idle) {
    const auto record = find_record(ports.root, guest);
    if (record && !unplugged(ports.root, ports.sysfs, *record).empty()) return return_unplugged(ports, guest);
    return {idle.error()};
  }
  auto journal = Journal::open(ports.root, guest, ports.limit(ports.conf.deadlines.lock));
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
