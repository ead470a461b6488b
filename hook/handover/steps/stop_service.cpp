#include "handover/steps/stop_service.h"

#include "handover/ports.h"

namespace qh::handover {

std::string StopService::describe() const {
  return "stop " + service;
}
std::string StopService::describe_undo() const {
  return "start " + service;
}

std::string StopService::line() const {
  return "stop-service " + service;
}
Result<StopService> StopService::parse(const Words& words) {
  auto name = parse_name(words);
  if (!name) return fail(name.error());
  return StopService{std::move(*name)};
}

Result<void> StopService::run(Ports& ports, const Record&) const {
  return ports.services.stop(service, ports.limit(ports.conf.deadlines.holders));
}
Result<void> StopService::undo(Ports& ports) const {
  return ports.services.start(service, ports.limit(ports.conf.deadlines.holders));
}

}  // namespace qh::handover
