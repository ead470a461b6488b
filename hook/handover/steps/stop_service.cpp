#include "handover/steps/stop_service.h"

#include "handover/ports.h"

namespace qh::handover {

std::string StopService::describe() const {
  return "stop " + service;
}
std::string StopService::describe_undo() const {
  return "start " + service;
}

Result<void> StopService::run(Ports& ports, const Record&) const {
  return ports.services.stop(service, ports.limit(ports.conf.deadlines.holders));
}
Result<void> StopService::undo(Ports& ports) const {
  return ports.services.start(service, ports.limit(ports.conf.deadlines.holders));
}

}  // namespace qh::handover
