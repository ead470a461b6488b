#include "handover/steps/load_module.h"

#include "handover/ports.h"

namespace qh::handover {

std::string LoadModule::describe() const {
  return "load the module " + module;
}

std::string LoadModule::line() const {
  return "load-module " + module;
}
Result<LoadModule> LoadModule::parse(const Words& words) {
  auto name = parse_name(words);
  if (!name) return fail(name.error());
  return LoadModule{std::move(*name)};
}

Result<void> LoadModule::run(Ports& ports, const Record&) const {
  return ports.modules.load(module, ports.limit(ports.conf.deadlines.detach));
}

}  // namespace qh::handover
