// Makes the host driver let go of a device.
#include "handover/device.h"
#include "handover/ports.h"
#include "handover/steps/step.h"

namespace qh::handover {

std::string Unbind::describe() const {
  return "unbind " + device.address.text() + " from " + device.host_driver;
}

// The undoing of BindVfio, which follows it in every plan, gives the device back to its host driver.
std::string Unbind::describe_undo() const {
  return {};
}

Result<void> Unbind::run(Ports& ports, Journal&) const {
  return unbind_host_driver(ports, device.address, device.host_driver);
}

}  // namespace qh::handover
