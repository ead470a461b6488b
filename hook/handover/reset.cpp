#include "handover/reset.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "handover/journal.h"
#include "host/file.h"
#include "host/names.h"
#include "host/pci_device.h"

namespace qh::handover {
namespace {

using config::Reset;

// The kernel itself waits up to 60 s for a device to come back (pci_dev_wait); longer helps nobody.
constexpr Milliseconds reset_timeout{70'000};

// What the kernel calls it in `reset_method` (Documentation/ABI/testing/sysfs-bus-pci).
std::string kernel_name(Reset method) {
  return config::to_string(method);
}

// The kernel's own order of methods for the function; empty if it knows none.
std::vector<std::string> kernel_methods(const Ports& ports, const PciAddress& address) {
  std::vector<std::string> methods;
  const std::string text = ports.sysfs.read(names::attribute(address, "reset_method")).value_or("");
  for (const auto word : split(text, ' '))
    if (!word.empty()) methods.emplace_back(word);
  return methods;
}

// libvirt notes in the guest's log how it ended, before it calls this hook.
bool ended_cleanly(const Ports& ports, const std::string& guest) {
  const auto log = host::read_file(ports.root + names::libvirt_log_folder + "/" + guest + ".log", 64U << 20U);
  if (!log) return false;
  const auto at = log->rfind("shutting down, reason=");
  return at != std::string::npos && log->compare(at, 31, "shutting down, reason=shutdown\n") == 0;
}

// Every function on the device's bus is the guest's.
bool owns_bus(const Ports& ports, const Record& record, const PciAddress& address) {
  for (const auto& other : host::list_pci_addresses(ports.sysfs))
    if (other.domain == address.domain && other.bus == address.bus && !record.claims(other)) return false;
  return address.bus != 0;
}

bool answers(const Ports& ports, const PciAddress& address) {
  // The attribute `vendor` is the kernel's memory; only `config` asks the device.
  const auto config_space = ports.sysfs.read(names::attribute(address, "config"));
  return config_space && config_space->size() >= 2 && config_space->compare(0, 2, "\xff\xff") != 0;
}

Result<void> kernel_reset(Ports& ports, const PciAddress& address, const std::string& method) {
  const auto before = kernel_methods(ports, address);
  if (!contains(before, method))
    return fail(ErrorKind::refused, "the kernel knows no '" + method + "' reset for it (it has: " +
                                        (before.empty() ? "none" : join(before, " ")) + ")");
  const std::string attribute = names::attribute(address, "reset_method");
  if (auto set = ports.sysfs.write(attribute, method, reset_timeout); !set) return set;
  if (kernel_methods(ports, address) != std::vector<std::string>{method})
    return fail(ErrorKind::failed, "the kernel does not take '" + method + "' as its reset method");
  const auto done = ports.sysfs.write(names::attribute(address, "reset"), "1", reset_timeout);
  if (auto restored = ports.sysfs.write(attribute, join(before, " "), reset_timeout); !restored && done)
    return restored;
  return done;
}

Result<void> remove_and_rescan(Ports& ports, const PciAddress& address) {
  if (auto removed = ports.sysfs.write(names::attribute(address, "remove"), "1", reset_timeout); !removed)
    return removed;
  if (auto scanned = ports.sysfs.write(names::pci_rescan, "1", reset_timeout); !scanned) return scanned;
  const bool back =
      Deadline(Milliseconds{5000}).wait_for([&] { return ports.sysfs.exists(names::device(address)); });
  if (!back)
    return fail(ErrorKind::failed, "did not come back after its removal",
                "echo 1 > /sys/bus/pci/rescan, or reboot");
  return {};
}

// Which reset it comes down to; `none` for nothing to do.
Result<std::string> choose(const Ports& ports, const Record& record, const config::DeviceConf& device) {
  if (device.reset == Reset::none) return std::string();
  if (device.reset == Reset::bus && !owns_bus(ports, record, device.address))
    return fail(ErrorKind::refused, "no bus reset: not every function on its bus is this guest's");
  if (device.reset != Reset::automatic) return kernel_name(device.reset);
  if (ended_cleanly(ports, record.guest)) return std::string();
  for (const auto& method : kernel_methods(ports, device.address))
    if (method != "bus") return method;
  return fail(ErrorKind::refused, "the kernel has no reset for it but the bus's");
}

}  // namespace

void reset_devices(Ports& ports, const config::GuestConf& conf) {
  const bool any = ports.conf.defaults.reset != Reset::none ||
                   std::any_of(conf.devices.begin(), conf.devices.end(),
                               [](const auto& d) { return d.reset != Reset::none; });
  if (!any) return;
  auto journal = Journal::open(ports.root, conf.guest, ports.conf.deadlines.lock);
  if (!journal) return ports.log.warning("no reset: " + journal.error().message);
  const auto claimed = journal->record().devices;
  for (const auto& at : claimed) {
    const auto* known = conf.find(at);
    const auto device = known != nullptr ? *known : ports.conf.defaults.device(at);
    const std::string address = at.text();
    if (!host::is_on_vfio(ports.sysfs, at)) continue;
    const Stopwatch watch;
    const auto method = choose(ports, journal->record(), device);
    if (!method) {
      ports.log.warning(address + ": " + method.error().message);
      continue;
    }
    if (method->empty()) continue;
    const auto done = *method == kernel_name(Reset::remove_rescan)
                          ? remove_and_rescan(ports, device.address)
                          : kernel_reset(ports, device.address, *method);
    if (done)
      ports.log.took(address + ": reset (" + *method + ")", watch);
    else
      ports.log.warning(address + ": the reset (" + *method + ") failed: " + done.error().message);
    if (!answers(ports, device.address)) {
      ports.log.error(
          address +
          ": does not answer after the reset; it stays with vfio-pci. Suspend and wake up, or reboot");
      (void)journal->dead(device.address);
    }
  }
}

}  // namespace qh::handover
