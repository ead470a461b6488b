#include "handover/transaction.h"

#include "core/contains.h"
#include "core/text.h"
#include "handover/claims.h"
#include "handover/device.h"
#include "host/pci/pci_device.h"

namespace qh::handover {
namespace {

// What opens the connection to libvirt takes as long as some unbinds do: it goes on beside them.
void open_libvirt_ahead(Ports& ports) {
  if (ports.conf.backend != config::Backend::sysfs) ports.libvirt.open_ahead();
}

bool is_detach(const Step& step) {
  return std::holds_alternative<BindVfio>(step);
}

// A device that is left alone by the undoing, and why.
Result<void> may_be_given_back(const Ports& ports, const Record& record, const JournalledStep& step,
                               const DeviceState& m) {
  const std::string address = m.address.text();
  const bool is_dead = contains(record.dead, m.address);
  for (const auto& other : record.steps) {
    const DeviceState* same = device_of(other.step);
    if (same == nullptr || same->address != m.address || !other.stuck ||
        !host::is_alive(ports.host, *other.stuck))
      continue;
    return fail(Error{
        ErrorKind::failed,
        address + ": " +
            (is_dead ? "its reset has still not returned" : m.host_driver + " still does not let go of it") +
            " (process " + std::to_string(other.stuck->pid) + " waits in the kernel)",
        "when that ends, `qemu-hook --reattach` brings the device back; if it does not end, reboot",
        other.stuck->pid});
  }
  const bool is_there = host::read_pci_device(ports.host, m.address).has_value();
  if (!is_dead || !is_there || !is_detach(step.step)) return {};
  if (auto answer = host::answers(ports.host, m.address); !answer)
    return fail(Error{
        ErrorKind::failed,
        address +
            ": it does not answer after its reset, so no host driver gets it: " + answer.error().message,
        "suspend to RAM and wake up, then run `qemu-hook --reattach` to try it again; or reboot",
        answer.error().stuck_pid});
  ports.log.info(address + ": answers again");
  return {};
}

// The step in the log, as data.
host::Event about(const Step& step, const char* message_id) {
  const auto* device = device_of(step);
  return {message_id, std::string(verb_of(step)), device == nullptr ? "" : device->address.text()};
}

void note_stuck(Ports& ports, Journal& journal, std::size_t step, int pid) {
  if (pid == 0) return;
  if (const auto process = host::find_process(ports.host, pid)) (void)journal.stuck(step, *process);
}

Result<void> undo_step(Ports& ports, Journal& journal, std::size_t i) {
  const JournalledStep& step = journal.record().steps[i];
  const DeviceState* device = device_of(step.step);
  auto undone =
      device == nullptr ? undo(ports, step.step) : may_be_given_back(ports, journal.record(), step, *device);
  if (undone && device != nullptr) undone = give_back(ports, *device, &journal);
  if (undone) {
    // What cannot be written down any more is undone all the same: each undoing stands on its own.
    (void)journal.undone(i);
    return undone;
  }
  if (!step.stuck) note_stuck(ports, journal, i, undone.error().stuck_pid);
  ports.log.error(undone.error().message, about(step.step, host::events::not_undone));
  return undone;
}

// Whether there is still somebody to work for, and time for what is next.
Result<void> may_go_on(const Ports& ports, const Record& record, std::size_t next) {
  if (auto lives = daemon_lives(ports); !lives || !ports.whole || !ports.whole->passed()) return lives;
  std::vector<std::string> missing;
  for (; next < record.steps.size(); ++next) missing.push_back(describe(record.steps[next].step));
  return fail(ErrorKind::timed_out, "the time for the whole hand-over is up; not done: " + join_few(missing),
              "see `journalctl -t qemu-hook` for what took so long; `whole` in host.toml sets the time");
}

}  // namespace

Result<void> daemon_lives(const Ports& ports) {
  if (!ports.daemon || host::is_alive(ports.host, *ports.daemon)) return {};
  return fail(ErrorKind::refused,
              "the libvirt daemon (process " + std::to_string(ports.daemon->pid) +
                  ") ended during the start, so nobody would give the devices back later",
              "start the guest again when the daemon is up");
}

bool is_overtaken(const Ports& ports, const Record& record) {
  return !daemon_lives(ports) && holding_despite_lock(ports.host, record) != Holding::leftover;
}

Result<void> run_steps(Ports& ports, Journal& journal) {
  for (std::size_t i = 0; i < journal.record().steps.size(); ++i) {
    const Step step = journal.record().steps[i].step;
    if (auto may = may_go_on(ports, journal.record(), i); !may) {
      ports.log.error(may.error().message);
      return may;
    }
    const Stopwatch watch;
    if (auto begun = journal.begin(i); !begun) return begun;
    ports.log.begins(describe(step), ports.limit(ports.conf.deadlines.whole));
    if (std::holds_alternative<Unbind>(step)) open_libvirt_ahead(ports);
    const auto done = run(ports, journal, step);
    if (!done) {
      note_stuck(ports, journal, i, done.error().stuck_pid);
      ports.log.error(done.error().message, about(step, host::events::refused));
      return done;
    }
    ports.log.took(describe(step), watch, about(step, host::events::step_done));
  }
  if (auto lives = daemon_lives(ports); !lives) return lives;
  return journal.ready();
}

std::vector<Error> undo_steps(Ports& ports, Journal& journal) {
  std::vector<Error> errors;
  (void)journal.undoing();
  for (const auto& step : journal.record().steps)
    if (const auto* detach = std::get_if<BindVfio>(&step.step);
        detach != nullptr && step.begun && !step.undone &&
        host::is_on_vfio(ports.host, detach->device.address))
      open_libvirt_ahead(ports);
  std::vector<std::string> not_reached;
  std::vector<PciAddress> failed;  // one failure a device is enough, and trying again would wait again
  for (std::size_t i = journal.record().steps.size(); i-- > 0;) {
    const JournalledStep& step = journal.record().steps[i];
    if (!step.begun || step.undone) continue;
    if (journal.record().has_returned(step.step)) continue;
    const DeviceState* device = device_of(step.step);
    if (device != nullptr && contains(failed, device->address)) continue;
    const std::string text = describe_undo(step.step);
    if (ports.whole && ports.whole->passed()) {
      if (!text.empty()) not_reached.push_back(text);
      continue;
    }
    ports.log.begins(text, ports.limit(ports.conf.deadlines.whole));
    const Stopwatch watch;
    if (auto undone = undo_step(ports, journal, i); !undone) {
      errors.push_back(undone.error());
      if (device != nullptr) failed.push_back(device->address);
    } else if (is_detach(step.step)) {
      ports.log.took("reattach " + device->address.text() + ", now on " +
                         (device->host_driver.empty() ? "no driver" : device->host_driver),
                     watch, about(step.step, host::events::step_undone));
    } else if (!text.empty()) {
      ports.log.took(text, watch, about(step.step, host::events::step_undone));
    }
  }
  if (!not_reached.empty()) {
    errors.push_back({ErrorKind::timed_out,
                      "the time for the whole hand-over is up; not done: " + join_few(not_reached),
                      "`qemu-hook --reattach " + printable(journal.record().guest) + "` continues"});
    ports.log.error(errors.back().message);
  }
  if (!errors.empty()) return errors;
  if (auto removed = journal.remove(); !removed) errors.push_back(removed.error());
  return errors;
}

Result<void> undo_device(Ports& ports, Journal& journal, const PciAddress& address) {
  const Stopwatch watch;
  for (std::size_t i = journal.record().steps.size(); i-- > 0;) {
    const JournalledStep& step = journal.record().steps[i];
    const DeviceState* device = device_of(step.step);
    if (device == nullptr || device->address != address || !step.begun || step.undone) continue;
    if (auto undone = undo_step(ports, journal, i); !undone) return undone;
  }
  ports.log.took("reattach " + address.text() + ", which was unplugged", watch,
                 {host::events::step_undone, "", address.text()});
  return journal.returned(address);
}

}  // namespace qh::handover
