// Stops a service that holds the card, or that goes down with the display manager.
#include "handover/steps/stop_service.h"

#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/graphics/console.h"

namespace qh::handover {

std::string StopService::describe() const {
  return "stop " + service;
}

std::string StopService::describe_undo() const {
  return "start " + service;
}

Result<void> start_service(Ports& ports, const std::string& service, Milliseconds timeout) {
  const auto consoles = host::framebuffer_consoles(ports.host);
  if (!consoles) return fail_in(service + " was not started", consoles.error());
  return ports.services.start(service, timeout);
}

Result<void> StopService::run(Ports& ports, Journal&) const {
  return ports.services.stop(service, ports.limit(ports.conf.deadlines.holders));
}
Result<void> StopService::undo(Ports& ports) const {
  return start_service(ports, service, ports.limit(ports.conf.deadlines.holders));
}

}  // namespace qh::handover
