#include "handover/steps/load_module.h"

#include "handover/ports.h"

namespace qh::handover {

std::string LoadModule::describe() const {
  return "load the module " + module;
}

Result<void> LoadModule::run(Ports& ports, const Record&) const {
  return ports.modules.load(module, ports.limit(ports.conf.deadlines.detach));
}

}  // namespace qh::handover
