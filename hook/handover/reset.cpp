#include "handover/reset.h"

#include <algorithm>

#include "core/file.h"
#include "core/text.h"
#include "handover/claims.h"
#include "handover/device.h"
#include "handover/journal.h"
#include "handover/transaction.h"
#include "host/names.h"
#include "host/pci/pci_device.h"

namespace qh::handover {
namespace {

using config::Reset;

// The kernel itself waits up to 60 s for a device to come back (pci_dev_wait); longer helps nobody.
constexpr Milliseconds reset_timeout{70'000};

// What the kernel calls it in `reset_method` (Documentation/ABI/testing/sysfs-bus-pci).
std::string kernel_name(Reset method) {
  return config::to_string(method);
}

// The kernel's own order of methods for the function, as it prints them; empty if it knows none. timed_out.
Result<std::string> kernel_methods(const Ports& ports, const PciAddress& address) {
  auto text = ports.host.sysfs.read(names::attribute(address, "reset_method"));
  if (!text && !text.error().is(ErrorKind::timed_out)) return std::string();
  return text;
}

// libvirt notes in the guest's log how it ended, before it calls this hook.
bool ended_cleanly(const Ports& ports, const std::string& guest) {
  const std::string path = ports.host.path(std::string(names::libvirt_log_folder) + "/" + guest + ".log");
  const auto fd = open_regular(path);
  if (!fd) return false;
  // It is among the last lines. In a shorter log this fails, and the log is read from its beginning.
  (void)::lseek(fd->get(), -(64 << 10), SEEK_END);
  const auto log = read_fd(fd->get(), path, 1U << 20U);
  if (!log) return false;
  const auto at = log->rfind("shutting down, reason=");
  return at != std::string::npos && log->compare(at, 31, "shutting down, reason=shutdown\n") == 0;
}

// Every function on the device's bus is the guest's.
bool owns_bus(const Ports& ports, const Record& record, const PciAddress& address) {
  for (const auto& other : host::list_pci_addresses(ports.host))
    if (other.domain == address.domain && other.bus == address.bus && !record.claims(other)) return false;
  return address.bus != 0;
}

Result<void> kernel_reset(Ports& ports, const PciAddress& address, const std::string& method) {
  const auto before = kernel_methods(ports, address);
  if (!before) return fail(before.error());
  // The list is of the time when the device was enumerated. A method that a module has brought since
  // (vendor-reset) is looked for when it is written (reset_method_store in drivers/pci/pci.c), so what counts
  // is what is read back.
  const std::string attribute = names::attribute(address, "reset_method");
  auto set = ports.host.sysfs.write(attribute, method, ports.limit(reset_timeout));
  if (!set && set.error().is(ErrorKind::timed_out)) return set;
  const auto now = kernel_methods(ports, address);
  if (!now) return fail(now.error());

  Result<void> done =
      fail(ErrorKind::refused,
           "the kernel has no " + method + " for it (it has: " + (before->empty() ? "none" : *before) + ")");
  if (*now == method)
    done = ports.host.sysfs.write(names::attribute(address, "reset"), "1", ports.limit(reset_timeout));
  if (!done && done.error().is(ErrorKind::timed_out)) return done;
  if (*now == *before) return done;
  auto restored =
      ports.host.sysfs.write(attribute, before->empty() ? "\n" : *before, ports.limit(reset_timeout));
  return done ? restored : done;
}

// Which reset it comes down to; empty for nothing to do. refused: there is none for it.
Result<std::string> choose(const Ports& ports, const Record& record, const config::DeviceConf& device) {
  const bool automatic = device.reset == Reset::automatic;
  if (device.reset == Reset::none || (automatic && ended_cleanly(ports, record.guest))) return std::string();
  if (host::physical_function(ports.host, device.address)) {
    if (automatic || device.reset == Reset::flr) return kernel_name(Reset::flr);
    return fail(ErrorKind::refused,
                "a virtual function can only be reset by flr, not by " + kernel_name(device.reset));
  }
  if (device.reset == Reset::bus && !owns_bus(ports, record, device.address))
    return fail(ErrorKind::refused, "not every function on its bus belongs to this guest");
  if (!automatic) return kernel_name(device.reset);
  const auto methods = kernel_methods(ports, device.address);
  if (!methods) return fail(methods.error());
  for (const auto method : split(*methods, ' '))
    if (!method.empty() && method != "bus" && method != "cxl_bus") return std::string(method);
  return fail(ErrorKind::refused, "the kernel has no method for it except a bus reset");
}

// refused: it was unplugged from this guest, and somebody else was faster than its end.
Result<void> is_not_used(const Ports& ports, const std::string& guest, const PciAddress& address) {
  const auto claims = find_conflicts(ports.host, guest, {address});
  if (!claims.empty())
    return fail(ErrorKind::refused, "the guest " + in_quotes(claims.front().owner.guest) + " has it");
  // The guest's own QEMU may still be closing it.
  const auto is_free = [&] { return !is_open_through_vfio(ports.host, address); };
  if (Deadline(ports.limit(ports.conf.deadlines.reattach)).wait_for(is_free)) return {};
  return fail(ErrorKind::refused, "a process uses it through VFIO");
}

// The step that put the device on VFIO, and with which it is given back.
std::optional<std::size_t> detach_step(const Record& record, const PciAddress& address) {
  for (std::size_t i = 0; i < record.steps.size(); ++i) {
    const auto* step = std::get_if<BindVfio>(&record.steps[i].step);
    if (step != nullptr && step->device.address == address && record.steps[i].begun) return i;
  }
  return {};
}

// No host driver gets the device until it answers again.
void mark_dead(Ports& ports, Journal& journal, const PciAddress& address, const std::string& what,
               const Error& error) {
  ports.log.error(
      address.text() + ": " + what + ": " + error.message +
      "; it stays on vfio-pci. Suspend to RAM and wake up, then run `qemu-hook --reattach` to try "
      "it again; or reboot");
  (void)journal.dead(address);
  const auto step = detach_step(journal.record(), address);
  const auto process = error.stuck_pid != 0 ? host::find_process(ports.host, error.stuck_pid) : std::nullopt;
  if (step && process) (void)journal.stuck(*step, *process);
}

// An error: why it is not reset. What goes wrong with a reset is logged.
Result<void> reset_device(Ports& ports, Journal& journal, const config::DeviceConf& device) {
  const PciAddress& address = device.address;
  const auto method = choose(ports, journal.record(), device);
  if (!method) return fail(method.error());
  if (method->empty()) return {};
  if (auto free = is_not_used(ports, journal.record().guest, address); !free) return free;
  if (*method == kernel_name(Reset::remove_rescan)) {
    if (detach_step(journal.record(), address)) return journal.rescan(address);
    return fail(ErrorKind::refused,
                "remove-rescan is part of giving a device back, and this one is not given back");
  }
  const Stopwatch watch;
  const std::string what = "the reset (" + *method + ")";
  auto done = kernel_reset(ports, address, *method);
  if (!done && done.error().is(ErrorKind::refused)) return done;
  if (done) {
    ports.log.took(address.text() + ": reset (" + *method + ")", watch);
  } else if (done.error().is(ErrorKind::timed_out)) {
    // It may go on for ever, and whoever asks the device anything waits for it in the kernel.
    mark_dead(ports, journal, address, what + " did not return", done.error());
    return {};
  } else {
    ports.log.warning(address.text() + ": " + what + " failed: " + done.error().message);
  }
  if (auto answer = host::answers(ports.host, address); !answer)
    mark_dead(ports, journal, address, "it does not answer after the reset", answer.error());
  return {};
}

}  // namespace

void reset_devices(Ports& ports, const config::GuestConf& conf) {
  const bool any = ports.conf.defaults.settings.reset != Reset::none ||
                   std::ranges::any_of(conf.devices, [](const auto& d) { return d.reset != Reset::none; });
  if (!any) return;
  const Bounded bounded(ports, ports.conf.deadlines.whole);
  auto journal = Journal::open(ports.host, conf.guest, ports.conf.deadlines.lock);
  if (!journal) return ports.log.warning("no reset: " + journal.error().message);
  if (is_overtaken(ports, journal->record())) return;
  for (const auto& address : journal->record().devices) {
    if (!host::is_on_vfio(ports.host, address)) continue;
    const auto* known = conf.find(address);
    const auto device = known != nullptr ? *known : ports.conf.defaults.device(address);
    if (auto done = reset_device(ports, *journal, device); !done)
      ports.log.warning(address.text() + ": no reset: " + done.error().message);
  }
}

}  // namespace qh::handover
