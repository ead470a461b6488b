// Warns of the last keyboard and the last mouse.
#include "core/contains.h"
#include "core/text.h"
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void input(const Survey& s, Findings& out) {
  const auto& [keyboards, mice] = s.last_inputs;
  std::vector<std::string> all = keyboards;
  for (const auto& name : mice) add_once(all, name);
  if (all.empty()) return;
  const char* what = keyboards.empty() ? "mouse goes"
                     : mice.empty()    ? "keyboard goes"
                                       : "keyboard and mouse go";
  out.push_back(
      {"input", Severity::warning, "",
       std::string("the host's only ") + what + " to the guest with the USB controller: " + join_few(all),
       "make sure that ssh works, or plug another one into a controller that stays"});
}

}  // namespace qh::handover::checks
