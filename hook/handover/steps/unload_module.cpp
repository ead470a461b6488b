#include "handover/steps/unload_module.h"

#include "handover/ports.h"
#include "host/services/modules.h"

namespace qh::handover {

std::string UnloadModule::describe() const {
  return "unload the module " + module;
}
std::string UnloadModule::describe_undo() const {
  return "load the module " + module;
}

std::string UnloadModule::line() const {
  return std::string(is_required ? verbs[0] : verbs[1]) + " " + module;
}
Result<UnloadModule> UnloadModule::parse(const Words& words) {
  auto name = parse_name(words);
  if (!name) return fail(name.error());
  return UnloadModule{std::move(*name), words[0] == verbs[0]};
}

Result<void> UnloadModule::run(Ports& ports, const Record&) const {
  if (!host::is_loaded_module(ports.host, module)) return {};
  auto done = ports.modules.unload(module, ports.limit(ports.conf.deadlines.detach));
  if (done || is_required) return done;
  ports.log.info(done.error().message + "; it stays loaded, which does no harm");
  return {};
}

Result<void> UnloadModule::undo(Ports& ports) const {
  if (host::is_loaded_module(ports.host, module)) return {};
  return ports.modules.load(module, ports.limit(ports.conf.deadlines.reattach));
}

}  // namespace qh::handover
