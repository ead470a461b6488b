// Unbind, BindVfio and EndPersistence: what moves a device, or keeps its driver on it.
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

Result<void> Unbind::run(Ports& ports, const Record&) const {
  return unbind_host_driver(ports, device.address);
}
Result<void> Unbind::undo(Ports& ports) const {
  return give_back(ports, device);
}

Result<void> BindVfio::run(Ports& ports, const Record&) const {
  return bind_vfio_driver(ports, device.address);
}
Result<void> BindVfio::undo(Ports& ports) const {
  return give_back(ports, device);
}

Result<void> EndPersistence::run(Ports& ports, const Record&) const {
  return ports.services.set_persistence(card, false, ports.limit(ports.conf.deadlines.holders));
}
Result<void> EndPersistence::undo(Ports& ports) const {
  return ports.services.set_persistence(card, true, ports.limit(ports.conf.deadlines.holders));
}

}  // namespace qh::handover
