// Loads a kernel module. Never undone: other guests may use vfio by then.
#include "handover/ports.h"
#include "handover/steps/step.h"

namespace qh::handover {

std::string LoadModule::describe() const {
  return "load the module " + module;
}

Result<void> LoadModule::run(Ports& ports, Journal&) const {
  return ports.modules.load(module, ports.limit(ports.conf.deadlines.detach));
}

}  // namespace qh::handover
