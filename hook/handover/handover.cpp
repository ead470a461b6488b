#include "handover/handover.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "handover/assessment.h"
#include "handover/claims.h"
#include "handover/device.h"
#include "handover/transaction.h"

namespace qh::handover {
namespace {

// The remedy where a guest has its devices, or is about to.
constexpr char shut_it_down[] = "shut it down: its devices then come back by themselves";

// Gives back what was unplugged from a guest that runs on.
std::vector<Error> return_unplugged(Ports& ports, Journal& journal) {
  std::vector<Error> errors;
  for (const auto& address : unplugged(ports.host, journal.record()))
    if (auto undone = undo_device(ports, journal, address); !undone) errors.push_back(undone.error());
  return errors;
}

// refused: the guest runs. Whoever has its devices by hand could take them from under its QEMU.
Result<void> is_not_running(const Ports& ports, const std::string& guest) {
  const auto record = find_record(ports.host, guest);
  const auto pid = host::find_guest_process(ports.host, guest, record ? record->uuid : "");
  if (!pid) return {};
  return fail(ErrorKind::refused,
              "the guest " + in_quotes(guest) + " is running (process " + std::to_string(*pid) + ")",
              shut_it_down);
}

// The guest's journal, when libvirt is not just starting or ending the guest: it would start QEMU with
// devices that are on their way back. After the deadline libvirt is taken to have forgotten the guest. The
// errors are those of Journal::open().
Result<Journal> open_between_changes(Ports& ports, const std::string& guest) {
  const Deadline deadline(ports.limit(ports.conf.deadlines.lock));
  for (bool told = false;; told = true) {
    {
      auto journal = Journal::open(ports.host, guest, std::max(deadline.left(), Milliseconds{1}));
      if (!journal || deadline.passed() ||
          holding_despite_lock(ports.host, journal->record()) != Holding::changing)
        return journal;
    }
    if (!told) ports.log.info("waiting for libvirt, which is starting or ending the guest");
    std::this_thread::sleep_for(Milliseconds{50});
  }
}

// A journal that is still there although nobody is at work on it: what it says is undone; of a guest that
// runs, what was unplugged from it. Another guest than the one that starts may have been started again since
// it was found to be gone, so that is decided once more, under its journal's lock.
std::vector<Error> recover(Ports& ports, const std::string& guest, bool is_own) {
  const bool by_hand = is_own && !ports.daemon;
  auto journal = by_hand ? open_between_changes(ports, guest)
                         : Journal::open(ports.host, guest, ports.limit(ports.conf.deadlines.lock));
  if (!journal && journal.error().is(ErrorKind::not_found)) return {};
  if (!journal) return {journal.error()};
  // Another daemon may have started the guest meanwhile, so it is not this call's to undo.
  if (is_own)
    if (auto lives = daemon_lives(ports); !lives) return {lives.error()};
  if (by_hand)
    if (auto idle = is_not_running(ports, guest); !idle) return {idle.error()};
  const auto state = holding_despite_lock(ports.host, journal->record());
  if (state == Holding::running) {
    ports.log.warning("giving back what was unplugged from the guest " + in_quotes(guest));
    return return_unplugged(ports, *journal);
  }
  if (!is_own && state != Holding::leftover) return {};
  ports.log.warning("undoing what was left over from the guest " + in_quotes(guest),
                    {host::events::left_over});
  return undo_steps(ports, *journal);
}

// For a device that somebody has put on a VFIO driver at run time, and nobody uses; under the lock that
// orders claims. Another guest's journal says better what it was before; and that guest may be about to
// start.
Result<void> give_back_without_journal(Ports& ports, const std::string& guest, const PciAddress& address) {
  // In this order: somebody who had it may have given it back since it was looked at.
  const auto claims = find_conflicts(ports.host, guest, {address});
  if (!host::is_on_vfio(ports.host, address)) return {};
  const auto driver_override = read_driver_override(ports.host, address);
  if (!driver_override) return fail(driver_override.error());
  // Without an override it was bound at boot (vfio-pci.ids=…): that is how the host is meant to be.
  if (driver_override->empty()) return {};
  if (!claims.empty()) {
    const std::string owner = in_quotes(claims.front().owner.guest);
    return fail(ErrorKind::refused, address.text() + ": the guest " + owner + " has it",
                "shut that guest down; if it is not running, `qemu-hook --reattach " + owner +
                    "` gives the device back");
  }
  if (auto idle = is_not_in_use(ports.host, address); !idle) return fail_in(address.text(), idle.error());
  const Stopwatch watch;
  auto left = leave_vfio_for_any_driver(ports, address);
  if (left) ports.log.took("reattach " + address.text(), watch);
  if (left && host::bound_driver(ports.host, address).empty())
    ports.log.warning(address.text() + ": no driver of the host has taken it; see `dmesg | grep " +
                      address.text() + "`");
  return left;
}

// A damaged journal: every step of it that can be read is undone, but those about what was returned.
std::vector<Error> salvage(Ports& ports, const std::string& guest) {
  std::vector<Error> errors;
  const auto record = find_record(ports.host, guest);
  if (!record) return errors;
  for (auto step = record->steps.rbegin(); step != record->steps.rend(); ++step) {
    if (record->has_returned(step->step)) continue;
    const std::string text = describe_undo(step->step);
    const Stopwatch watch;
    if (auto undone = undo(ports, step->step); !undone)
      errors.push_back(undone.error());
    else if (!text.empty())
      ports.log.took(text, watch);
  }
  return errors;
}

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
      (void)recover(ports, leftover, false);  // its errors are logged; the checks see what is left
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

// Whether the devices and the screen still stand as they were measured. Another guest may have had one and
// given it back in between: its driver is the same then, and what was read of it meanwhile is not the host's.
bool is_as_measured(const Ports& ports, const Guest& now, const Survey& survey) {
  const Guest& measured = survey.guest;
  const auto same_override = [&](const Device& d) {
    return !d.use.before || read_driver_override(ports.host, d.address()) == d.use.before->driver_override;
  };
  const auto same_screen = [&] {
    if (measure_gpu(ports.host, now).console_devices != survey.gpu.console_devices) return false;
    const auto screen = measure_screen(ports.host, ports.services, survey);
    return screen && *screen == survey.screen;
  };
  return std::ranges::equal(now.devices, measured.devices, {}, &Device::present, &Device::present) &&
         std::ranges::all_of(measured.devices, same_override) && same_screen();
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
    if (has_journal(ports.host, guest.name))
      return Errors(
          {{ErrorKind::refused,
            "the guest " + in_quotes(guest.name) + " is just being started or given back by another call",
            "try again in a moment"}});
    // In this order: what is measured while nobody has a claim is the host's own.
    const bool is_claimed =
        !find_conflicts(ports.host, guest.name, devices_in_groups(ports.host, now.survey.guest)).empty();
    const Guest current = looked_at_again(ports, guest);
    const bool is_late = is_claimed || !is_as_measured(ports, current, now.survey);
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
    if (auto errors = recover(ports, guest.name, true); !errors.empty()) return errors;

  auto journal = claim(ports, guest, Deadline(ports.limit(ports.conf.deadlines.lock)));
  if (!journal) return journal.error();

  auto executed = run_steps(ports, *journal);
  if (executed) {
    ports.log.took("prepared, " + std::to_string(guest.devices.size()) + " device(s) ready for the guest",
                   watch, {host::events::prepared});
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
  if (is_overtaken(ports, journal->record())) {
    ports.log.warning(
        "nothing is given back: the libvirt daemon that ended the guest has ended itself, and another looks "
        "after the guest now");
    return {};
  }
  auto errors = undo_steps(ports, *journal);
  if (errors.empty()) ports.log.took("released, the host is as it was", watch, {host::events::released});
  return errors;
}

std::vector<Error> repair(Ports& ports, const std::string& guest, const std::vector<PciAddress>& addresses) {
  const Bounded bounded(ports, ports.conf.deadlines.whole);
  auto journal = open_between_changes(ports, guest);
  const bool is_damaged = !journal && journal.error().is(ErrorKind::bad_input);
  if (!journal && !is_damaged && !journal.error().is(ErrorKind::not_found)) return {journal.error()};
  if (auto idle = is_not_running(ports, guest); !idle) {
    if (!journal || unplugged(ports.host, journal->record()).empty()) return {idle.error()};
    return return_unplugged(ports, *journal);
  }
  if (journal) return undo_steps(ports, *journal);
  std::vector<Error> errors;
  if (is_damaged) {
    ports.log.warning(journal.error().message + "; giving back what can still be read from it");
    errors = salvage(ports, guest);
  }
  for (const auto& address : addresses) {
    // Claims are made under this lock, so that none is made between the look at a device and its way back.
    const auto lock = lock_folder(ports.host, ports.limit(ports.conf.deadlines.lock));
    if (!lock) return {lock.error()};
    if (!is_damaged && has_journal(ports.host, guest))
      return {{ErrorKind::refused, "the guest " + in_quotes(guest) + " is just starting", shut_it_down}};
    if (auto given = give_back_without_journal(ports, guest, address); !given)
      errors.push_back(given.error());
  }
  if (is_damaged && errors.empty())
    if (auto removed = Journal::remove_damaged(ports.host, guest); !removed)
      errors.push_back(removed.error());
  return errors;
}

}  // namespace qh::handover
