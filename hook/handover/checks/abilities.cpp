// The hook may do what the start needs, however it is confined.
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void abilities(const Survey& s, Findings& out) {
  for (const auto& lack : s.lacks)
    out.push_back({"abilities", Severity::error, "", "the hook cannot " + lack.what, lack.remedy});
}

}  // namespace qh::handover::checks
