// Unbinds the firmware's frame buffer from its driver.
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/names.h"
#include "host/pci/pci_device.h"

namespace qh::handover {

std::string UnbindFramebuffer::describe() const {
  return "unbind " + device + " from " + driver;
}

std::string UnbindFramebuffer::describe_undo() const {
  return "bind " + device + ", if it is still there";
}

Result<void> UnbindFramebuffer::run(Ports& ports, Journal&) const {
  // A driver for the card that came in the meantime has taken it away.
  const std::string folder = names::platform_driver(driver);
  if (!ports.host.sysfs.exists(folder + "/" + device)) return {};
  auto done = ports.host.sysfs.write(folder + "/unbind", device, ports.limit(ports.conf.deadlines.detach));
  if (!done && ports.host.sysfs.exists(folder + "/" + device))
    return fail_in(card.text() + ": the firmware's frame buffer " + device + " cannot be unbound",
                   done.error());
  return {};
}

Result<void> UnbindFramebuffer::undo(Ports& ports) const {
  const std::string folder = names::platform_driver(driver);
  if (ports.host.sysfs.exists(folder + "/" + device)) return {};
  // The firmware sets it up once. Its memory may have been moved, its device be gone: vfio-pci removes it
  // (drivers/vfio/pci/vfio_pci_core.c, aperture_remove_conflicting_pci_devices).
  const bool is_there = ports.host.sysfs.exists(names::platform_device(device));
  if (!host::bound_driver(ports.host, card).empty()) return {};  // that driver draws now
  const Result<void> done =
      is_there ? ports.host.sysfs.write(folder + "/bind", device, ports.limit(ports.conf.deadlines.reattach))
               : Result<void>(fail(ErrorKind::not_found, "the kernel has removed it"));
  if (!done || !ports.host.sysfs.exists(folder + "/" + device))
    ports.log.warning(card.text() + ": the firmware's frame buffer " + device +
                      " comes back only at the next boot" + (done ? "" : ": " + done.error().message));
  return {};
}

}  // namespace qh::handover
