// Binds a device to its VFIO driver, as `virsh nodedev-detach` does. Undone by giving it back as a whole.
#include "handover/device.h"
#include "handover/ports.h"
#include "handover/steps/step.h"

namespace qh::handover {

std::string BindVfio::describe() const {
  return "detach " + device.address.text() + " (" + device.address.node_device_name() + ")";
}
std::string BindVfio::describe_undo() const {
  return "reattach " + device.address.text() +
         (device.host_driver.empty() ? ", which had no driver" : " to " + device.host_driver) +
         (device.driver_override.empty() ? "" : ", with driver_override " + device.driver_override);
}

Result<void> BindVfio::run(Ports& ports, Journal& journal) const {
  return bind_vfio_driver(ports, device.address, journal);
}

Result<void> DeviceStep::undo(Ports& ports) const {
  return give_back(ports, device);
}

}  // namespace qh::handover
