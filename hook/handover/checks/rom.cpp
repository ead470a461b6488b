// Warns of ROM files that QEMU cannot use.
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void rom(const Survey& s, Findings& out) {
  for (const auto& problem : s.rom_problems)
    out.push_back({"rom", Severity::warning, "", problem, "fix the file, or remove <rom> " + edit(s)});
}

}  // namespace qh::handover::checks
