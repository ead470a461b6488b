#include "handover/device.h"

#include <algorithm>
#include <cerrno>

#include "core/contains.h"
#include "core/file.h"
#include "host/graphics/console.h"
#include "host/names.h"
#include "host/network/network.h"
#include "host/pci/pci_device.h"
#include "host/processes/child.h"
#include "host/processes/holders.h"
#include "host/storage/block_device.h"

namespace qh::handover {
namespace {

// The host driver is off already, so all that is left to libvirt takes milliseconds. A daemon that needs
// longer has no worker to spare: every one of them waits for a hook, perhaps for this one.
constexpr Milliseconds libvirt_detach_limit{6000};

std::string or_none(const std::string& driver) {
  return driver.empty() ? "no driver" : driver;
}

bool uses_libvirt(const Ports& ports) {
  return ports.conf.backend != config::Backend::sysfs;
}

// Whether the failed call left the work to us. libvirt's own refusal is an answer, and stands.
bool falls_to_sysfs(Ports& ports, const PciAddress& address, const Error& error) {
  const bool no_answer = error.is(ErrorKind::unavailable) || error.is(ErrorKind::timed_out);
  if (!no_answer || ports.conf.backend == config::Backend::libvirt) return false;
  ports.log.warning(address.text() + ": " + error.message + "; using sysfs");
  return true;
}

Result<void> write_override(Ports& ports, const PciAddress& address, const std::string& driver,
                            Milliseconds timeout) {
  // A lone newline clears it (Documentation/ABI/testing/sysfs-bus-pci).
  return ports.host.sysfs.write(names::attribute(address, "driver_override"), driver.empty() ? "\n" : driver,
                                timeout);
}

Result<void> probe(Ports& ports, const PciAddress& address, Milliseconds timeout) {
  return ports.host.sysfs.write(names::drivers_probe, address.text(), timeout);
}

// The nodes of the whole disks beneath the device: who holds a disk holds its partitions (bd_may_claim in
// block/bdev.c).
std::vector<std::string> disk_nodes(const Ports& ports, const PciAddress& address) {
  std::vector<std::string> nodes;
  for (const auto& disk : host::disks_beneath(ports.host, address))
    if (disk.is_whole()) nodes.push_back(host::node_path("block", disk.name));
  return nodes;
}

// From the driver that was seen, by its name: should another have taken the device meanwhile, it keeps it.
// refused: somebody uses it.
Result<void> unbind(Ports& ports, const PciAddress& address, const std::string& driver,
                    Milliseconds timeout) {
  // libvirt tells nobody when it plugs a device into a guest: asked right before it would be taken from
  // there.
  if (auto idle = is_not_in_use(ports.host, address); !idle) return idle;
  // With its driver a mounted disk would go: whoever wants one now finds it taken.
  return ports.host.sysfs.write(names::driver_attribute(driver, "unbind"), address.text(), timeout,
                                disk_nodes(ports, address));
}

bool has_driver(Ports& ports, const PciAddress& address, const std::string& driver) {
  return Deadline(ports.settle).wait_for([&] { return host::bound_driver(ports.host, address) == driver; });
}

// libvirt's own thread would wait for a device that the kernel holds, and with it every guest that has
// devices.
Result<void> is_not_held(const Ports& ports, const PciAddress& address) {
  const auto asked = read_driver_override(ports.host, address);
  return asked ? Result<void>() : fail(asked.error());
}

// vfio-pci lets go only when its last user has closed it; a QEMU that dies takes a moment for that, with much
// memory some seconds. What the kernel holds by then is not touched.
Result<void> wait_for_vfio_user(const Ports& ports, const PciAddress& address) {
  const auto is_free = [&] { return !is_open_through_vfio(ports.host, address); };
  if (Deadline(ports.limit(ports.conf.deadlines.reattach)).wait_for(is_free))
    return is_not_held(ports, address);
  const auto holders = host::find_holders(ports.host, host::device_nodes(ports.host, {address})).holders;
  return fail(ErrorKind::refused,
              "a process still uses it through VFIO" + (holders.empty() ? "" : ": " + describe(holders)),
              "end that process, usually a QEMU; then `qemu-hook --reattach` gives the device back");
}

// The remedy where libvirt was asked to move a device and has not answered.
constexpr const char* when_libvirt_answers =
    "when libvirt answers again, or after a restart of its daemon, `qemu-hook --reattach` gives it back";

// Has libvirt move the device. The journal knows who waits for the answer before libvirt is asked.
Result<void> ask_libvirt(Ports& ports, const PciAddress& address, Milliseconds timeout,
                         Result<void> (libvirt::NodeDevices::*move)(const std::string&, Milliseconds),
                         Journal* journal) {
  const std::string name = address.node_device_name();
  const int asker = ports.libvirt.asker(name);
  const auto process = asker != 0 ? host::find_process(ports.host, asker) : std::nullopt;
  const bool is_noted = process && journal != nullptr;
  if (is_noted) (void)journal->asked(address, *process);
  auto done = (ports.libvirt.*move)(name, timeout);
  const bool is_answered = done || !done.error().is(ErrorKind::timed_out);
  if (is_noted && is_answered) (void)journal->answered(address);
  return done;
}

// libvirt does late what it was asked in vain. Were the device the host's again by then, it would lose its
// driver under whoever uses it. timed_out: it may still.
Result<void> has_been_answered(const Ports& ports, const Record& record, const PciAddress& address) {
  int asker = 0;
  const auto is_answered = [&] {
    const auto open = std::ranges::find_if(record.questions, [&](const Question& q) {
      return q.device == address && host::is_alive(ports.host, q.asker);
    });
    asker = open == record.questions.end() ? 0 : open->asker.pid;
    return asker == 0;
  };
  if (Deadline(ports.limit(ports.conf.deadlines.reattach)).wait_for(is_answered)) return {};
  return fail(ErrorKind::timed_out,
              address.text() +
                  ": libvirt was asked to move it, does not answer, and may still do it (process " +
                  std::to_string(asker) + " waits for the answer)",
              when_libvirt_answers);
}

// A display device takes the lock of the text consoles with it, from its graphics driver and from vfio-pci
// (aperture_remove_conflicting_pci_devices and vga_remove_vgacon in drivers/video, and vfio_pci_vga_init).
// While somebody keeps it, libvirt's own thread would wait there, and with it every guest that has devices.
// timed_out: somebody does.
Result<void> may_change_driver(const Ports& ports, const PciAddress& address) {
  const auto device = host::read_pci_device(ports.host, address);
  if (!device || !device->is_display()) return {};
  const auto consoles = host::framebuffer_consoles(ports.host);
  return consoles ? Result<void>() : fail(consoles.error());
}

// As libvirt does it: off its driver, and the kernel is asked for one. libvirt unbinds whatever driver is
// bound, so a device that came back during the waits is left as it is.
Result<void> leave_vfio(Ports& ports, const PciAddress& address, Journal* journal) {
  const Milliseconds timeout = ports.limit(ports.conf.deadlines.reattach);
  if (auto closed = wait_for_vfio_user(ports, address); !closed) return closed;
  if (auto may = may_change_driver(ports, address); !may) return may;
  if (!host::is_on_vfio(ports.host, address)) return {};
  if (uses_libvirt(ports)) {
    auto done = ask_libvirt(ports, address, timeout, &libvirt::NodeDevices::reattach, journal);
    if (done) return {};
    // It would take the device from its host driver once more, under whoever uses it by then.
    if (done.error().is(ErrorKind::timed_out))
      return fail(ErrorKind::timed_out, done.error().message + "; it may still do it", when_libvirt_answers);
    if (!falls_to_sysfs(ports, address, done.error())) return done;
  }
  // This waits for whoever works on the device: the thread of a daemon that was killed may still do that.
  if (auto cleared = write_override(ports, address, "", timeout); !cleared) return cleared;
  if (!host::is_on_vfio(ports.host, address)) return {};
  auto unbound = unbind(ports, address, host::bound_driver(ports.host, address), timeout);
  if (!unbound && host::is_on_vfio(ports.host, address)) return unbound;
  return probe(ports, address, timeout);
}

Result<void> restore_override(Ports& ports, const DeviceState& m) {
  const auto now = read_driver_override(ports.host, m.address);
  if (!now) return fail(now.error());
  if (*now == m.driver_override) return {};
  return write_override(ports, m.address, m.driver_override, ports.limit(ports.conf.deadlines.reattach));
}

bool is_on_bus(const Ports& ports, const PciAddress& address) {
  return host::read_pci_device(ports.host, address).has_value();
}

// Lets the kernel find a function that was removed; with the driver that it then chooses, without an
// override.
Result<void> rescan(Ports& ports, const PciAddress& address) {
  if (auto done = ports.host.sysfs.write(names::pci_rescan, "1", ports.limit(ports.conf.deadlines.reattach));
      !done)
    return done;
  if (Deadline(ports.settle).wait_for([&] { return is_on_bus(ports, address); })) return {};
  return fail(ErrorKind::failed, "qemu-hook removed it from the bus, and a rescan does not find it",
              "suspend to RAM and wake up, then run `qemu-hook --reattach` to look for it again; or reboot");
}

// Not for virtual functions, see host::physical_function().
Result<void> remove_and_rescan(Ports& ports, const PciAddress& address, Journal* journal) {
  if (journal != nullptr)
    if (auto noted = journal->removed(address); !noted) return noted;
  const Milliseconds timeout = ports.limit(ports.conf.deadlines.reattach);
  if (auto removed = ports.host.sysfs.write(names::attribute(address, "remove"), "1", timeout); !removed)
    return removed;
  return rescan(ports, address);
}

// The reset `remove-rescan`. The kernel probes the host driver as soon as it finds the device
// (pci_bus_add_device in drivers/pci/bus.c), and no override holds it off, since that goes with the removed
// device. So this is done when the device is given back, and not before: libvirt would reset it under the
// host driver.
Result<void> leave_vfio_by_rescan(Ports& ports, const PciAddress& address, Journal& journal) {
  const Stopwatch watch;
  if (auto closed = wait_for_vfio_user(ports, address); !closed) return closed;
  if (!host::is_on_vfio(ports.host, address)) return {};
  if (auto done = remove_and_rescan(ports, address, &journal); !done) return done;
  ports.log.took(address.text() + ": reset (remove-rescan)", watch);
  return {};
}

// Off a host driver that is not the one from before. It may have it for longer, by hand or since an earlier
// undoing failed. refused: the host needs the device by now.
Result<void> take_from_other(Ports& ports, const DeviceState& m, const std::string& other) {
  const auto network = host::network_use(ports.host, m.address);
  auto unbound = network.empty()
                     ? unbind(ports, m.address, other, ports.limit(ports.conf.deadlines.reattach))
                     : fail(ErrorKind::refused, "the host's network needs it: " + network.front().sentence,
                            "move that to another interface first");
  if (unbound) return {};
  if (unbound.error().is(ErrorKind::refused))
    unbound.error().remedy += "; `qemu-hook --reattach` then takes it from " + other;
  return fail_in(
      m.address.text() + ": it had " + or_none(m.host_driver) + " before, and " + other + " has taken it",
      unbound.error());
}

// Whatever other driver has it lets go, and the host driver is asked. timed_out, refused, failed.
Result<void> ask_host_driver(Ports& ports, const DeviceState& m) {
  const Milliseconds timeout = ports.limit(ports.conf.deadlines.reattach);
  const std::string other = host::bound_driver(ports.host, m.address);
  if (other == m.host_driver) return {};
  if (!other.empty()) {
    if (auto taken = take_from_other(ports, m, other); !taken) return taken;
  } else {
    auto probed = probe(ports, m.address, timeout);
    if (probed && has_driver(ports, m.address, m.host_driver)) return {};
    if (!probed && probed.error().is(ErrorKind::timed_out)) return probed;
  }
  auto bound =
      ports.host.sysfs.write(names::driver_attribute(m.host_driver, "bind"), m.address.text(), timeout);
  if (!bound || has_driver(ports, m.address, m.host_driver)) return bound;
  return fail(ErrorKind::failed, "it is not bound to " + m.host_driver);
}

// The host driver is not bound: ask for it, in rising order of force.
Result<void> bind_host_driver(Ports& ports, const DeviceState& m, Journal* journal) {
  const std::string address = m.address.text();
  auto tried = ask_host_driver(ports, m);
  // More force would only harm whoever is waited for, or needs the device.
  const auto is_final = [&] {
    return tried || tried.error().is(ErrorKind::timed_out) || tried.error().is(ErrorKind::refused);
  };
  if (is_final()) return tried;
  // A refusing driver takes its time, and somebody may have plugged the device into a guest meanwhile.
  if (auto idle = is_not_in_use(ports.host, m.address); !idle) return fail_in(address, idle.error());

  const auto physical = host::physical_function(ports.host, m.address);
  if (!physical) {
    ports.log.warning(address + ": " + m.host_driver +
                      " does not take it; removing and rescanning the function");
    tried = remove_and_rescan(ports, m.address, journal);
    if (tried) tried = restore_override(ports, m);
    if (tried) tried = ask_host_driver(ports, m);
    if (is_final()) return tried;
    if (!is_on_bus(ports, m.address)) return fail_in(address, tried.error());
  }
  std::string remedy = "see `dmesg | grep " + address + "`; then run `modprobe " + m.host_driver +
                       "` and `echo " + address + " > /sys/bus/pci/drivers_probe`, or reboot";
  if (physical)
    remedy += "; when no guest has a virtual function of " + physical->text() +
              ", `echo 0 > /sys/bus/pci/devices/" + physical->text() +
              "/sriov_numvfs`, and then their number, makes them all again";
  return fail(ErrorKind::failed,
              address + ": its host driver " + m.host_driver + " does not take it back; it has " +
                  or_none(host::bound_driver(ports.host, m.address)),
              remedy);
}

}  // namespace

Result<std::string> read_driver_override(const host::Host& host, const PciAddress& address) {
  auto text = host.sysfs.read(names::attribute(address, "driver_override"));
  if (!text && text.error().is(ErrorKind::timed_out))
    return fail(Error{ErrorKind::timed_out, address.text() + ": the kernel holds it, because a driver hangs",
                      "`dmesg` may say which; a reboot frees it if the driver does not",
                      text.error().stuck_pid});
  if (!text) return fail_in(address.text(), text.error());
  if (*text == "(null)") text->clear();
  return text;
}

Result<void> unbind_host_driver(Ports& ports, const PciAddress& address, const std::string& driver) {
  const std::string now = host::bound_driver(ports.host, address);
  if (now.empty()) return {};
  if (now != driver)
    return fail(ErrorKind::refused,
                address.text() + ": " + now + " has taken it from " + driver + " meanwhile",
                "`qemu-hook --devices " + address.text() + "` shows who has it now");
  // Asked now: the driver takes its nodes away first, and waits for who has them open then.
  const auto nodes = host::device_nodes(ports.host, {address});
  const auto done = unbind(ports, address, driver, ports.limit(ports.conf.deadlines.detach));
  if (!done && done.error().is(ErrorKind::timed_out)) {
    Error error = done.error();
    error.message =
        address.text() + ": its host driver " + driver + " does not let go of it: " + error.message;
    const auto holders = host::find_holders(ports.host, nodes).holders;
    if (!holders.empty()) error.message += "; in use by " + describe(holders);
    error.remedy = std::string(holders.empty() ? "something still uses it" : "end what uses it") +
                   "; when it is free, `qemu-hook --reattach` brings it back";
    return fail(error);
  }
  if (!done) return fail_in(address.text() + ": cannot unbind it from " + driver, done.error());
  if (Deadline(ports.settle).wait_for([&] { return host::bound_driver(ports.host, address) != driver; }))
    return {};
  return fail(ErrorKind::failed, address.text() + ": it is still bound to " + driver + " after the unbind");
}

Result<void> rebind_host_driver(Ports& ports, const PciAddress& address) {
  const std::string driver = host::bound_driver(ports.host, address);
  if (driver.empty()) return {};
  const auto driver_override = read_driver_override(ports.host, address);
  if (!driver_override) return fail(driver_override.error());
  if (auto unbound = unbind_host_driver(ports, address, driver); !unbound) return unbound;
  return bind_host_driver(ports, {address, driver, *driver_override}, nullptr);
}

Result<void> bind_vfio_driver(Ports& ports, const PciAddress& address, Journal& journal) {
  if (auto free = is_not_held(ports, address); !free) return free;
  if (auto may = may_change_driver(ports, address); !may) return fail_in(address.text(), may.error());
  const Milliseconds timeout = ports.limit(ports.conf.deadlines.detach);
  const auto by_sysfs = [&] {
    auto set = write_override(ports, address, names::vfio_pci, timeout);
    return set ? probe(ports, address, timeout) : set;
  };
  auto bound = uses_libvirt(ports) ? ask_libvirt(ports, address, std::min(timeout, libvirt_detach_limit),
                                                 &libvirt::NodeDevices::detach, &journal)
                                   : by_sysfs();
  if (!bound && uses_libvirt(ports) && falls_to_sysfs(ports, address, bound.error())) bound = by_sysfs();
  if (!bound) return fail_in(address.text(), bound.error());
  // libvirt's success only says that its writes went through.
  if (Deadline(ports.settle).wait_for([&] { return host::is_on_vfio(ports.host, address); })) return {};
  return fail(ErrorKind::failed,
              address.text() + ": vfio-pci does not take it; it has " +
                  or_none(host::bound_driver(ports.host, address)),
              "see `dmesg | grep " + address.text() + "`");
}

Result<void> give_back(Ports& ports, const DeviceState& m, Journal* journal) {
  const std::string address = m.address.text();
  if (journal != nullptr)
    if (auto answered = has_been_answered(ports, journal->record(), m.address); !answered) return answered;
  if (!is_on_bus(ports, m.address)) {
    if (journal == nullptr || !contains(journal->record().removed, m.address)) {
      ports.log.warning(address + ": it is no longer on the bus, so there is nothing to give back");
      return {};
    }
    if (auto found = rescan(ports, m.address); !found) return fail_in(address, found.error());
  }
  if (host::is_on_vfio(ports.host, m.address) && m.host_driver != host::bound_driver(ports.host, m.address)) {
    const bool is_wanted = journal != nullptr && contains(journal->record().rescan, m.address);
    if (auto left = is_wanted ? leave_vfio_by_rescan(ports, m.address, *journal)
                              : leave_vfio(ports, m.address, journal);
        !left)
      return fail_in(address + ": cannot be given back", left.error());
  }
  if (auto restored = restore_override(ports, m); !restored) return fail(restored.error());

  const std::string now = host::bound_driver(ports.host, m.address);
  if (now == m.host_driver) return {};
  if (!m.host_driver.empty()) return bind_host_driver(ports, m, journal);
  // Somebody had unbound it on purpose, and libvirt's reattach probes.
  return take_from_other(ports, m, now);
}

Result<void> leave_vfio_for_any_driver(Ports& ports, const PciAddress& address) {
  if (auto left = leave_vfio(ports, address, nullptr); !left)
    return fail_in(address.text() + ": cannot be given back", left.error());
  return {};
}

bool is_open_through_vfio(const host::Host& host, const PciAddress& address) {
  const auto group = host.sysfs.link(names::attribute(address, "iommu_group"));
  if (!group || !host::is_on_vfio(host, address)) return false;
  const std::string path = host.path("/dev/vfio/" + *group);
  if (!exists(path)) return false;
  // A group can be opened once: EBUSY is the kernel's own answer, also while a device of it is open by itself
  // (drivers/vfio/group.c). The opening waits for a lock that is held while VFIO opens or closes a device,
  // and a QEMU that hangs in there keeps it: no answer means in use.
  const auto answer =
      host::run_in_child("opening " + path, host::attribute_timeout, [&]() -> Result<std::string> {
        if (host.is_copy()) return read_file(path);  // what was noted there
        const Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
        const std::string answer = !fd && errno == EBUSY ? "busy" : "";
        note(path, answer);
        return answer;
      });
  if (!answer) return answer.error().is(ErrorKind::timed_out);
  // Others of its group may be open while this one is not: vfio-pci enables a device when it is opened, and
  // disables it when it is closed (vfio_pci_core_enable in drivers/vfio/pci/vfio_pci_core.c).
  return *answer == "busy" && host.sysfs.read(names::attribute(address, "enable")).value_or("1") != "0";
}

Result<void> is_not_in_use(const host::Host& host, const PciAddress& address) {
  if (!is_open_through_vfio(host, address)) return {};
  return fail(ErrorKind::refused, "a running guest has it", "shut the guest down first");
}

}  // namespace qh::handover
