// Unloads a module of the card's driver, always or only if that does no harm.
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/services/modules.h"

namespace qh::handover {

std::string UnloadModule::describe() const {
  return "unload the module " + module;
}

std::string UnloadModule::describe_undo() const {
  return "load the module " + module;
}

Result<void> UnloadModule::run(Ports& ports, Journal&) const {
  if (!host::is_loaded_module(ports.host, module)) return {};
  return ports.modules.unload(module, ports.limit(ports.conf.deadlines.detach));
}
Result<void> UnloadModule::undo(Ports& ports) const {
  if (host::is_loaded_module(ports.host, module)) return {};
  return ports.modules.load(module, ports.limit(ports.conf.deadlines.reattach));
}

Result<void> UnloadModuleIfFree::run(Ports& ports, Journal& journal) const {
  if (auto done = UnloadModule::run(ports, journal); !done)
    ports.log.info(done.error().message + "; it stays loaded, which does no harm");
  return {};
}

}  // namespace qh::handover
