// Moves one device off its host driver, onto VFIO, and back. Each function ends by reading back the result.
#pragma once

#include <string>

#include "handover/journal.h"
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/host.h"

namespace qh::handover {

// The device's driver_override, empty for none. timed_out: a driver that hangs holds the device.
Result<std::string> read_driver_override(const host::Host& host, const PciAddress& address);

// Unbinds the host driver, in a process that can be left behind; nothing to do if no driver has it. timed_out
// with stuck_pid: the driver does not let go. refused: another driver has it by now.
Result<void> unbind_host_driver(Ports& ports, const PciAddress& address, const std::string& driver);

// Takes the device off its host driver and gives it back to it at once; nothing to do without one. Fails as
// unbind_host_driver() and give_back().
Result<void> rebind_host_driver(Ports& ports, const PciAddress& address);

// Binds to the VFIO driver: through libvirt, or through sysfs where libvirt does not answer. The journal says
// what libvirt was asked.
Result<void> bind_vfio_driver(Ports& ports, const PciAddress& address, Journal& journal);

// Brings the device to what was measured, from whatever state it is in; nothing to do is success. A device
// that is no longer there counts as given back, unless the journal says that we removed it: then the bus is
// rescanned. One whose reset is `remove-rescan` goes from VFIO to its host driver in this way. failed: says
// what is left to do. refused: another driver has taken it, and the host needs it by now (a mounted disk, the
// default route).
//
// Before a device is removed, or libvirt is asked, the journal says so. Without a journal (it is damaged)
// nothing is known of that. timed_out: libvirt was asked and may still do it, so nobody else does.
Result<void> give_back(Ports& ports, const DeviceState& measured, Journal* journal = nullptr);

// Takes a device off its VFIO driver when nobody knows what it had before: the kernel chooses its driver.
Result<void> leave_vfio_for_any_driver(Ports& ports, const PciAddress& address);

// Whether some process has the device open through VFIO: a guest runs with it. Also true where the kernel
// does not answer in time.
bool is_open_through_vfio(const host::Host& host, const PciAddress& address);
// refused: it has, without the device's name.
Result<void> is_not_in_use(const host::Host& host, const PciAddress& address);

}  // namespace qh::handover
