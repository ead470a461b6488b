// No program holds the console's card that stays when the desktop ends. Found out while that is still there.
#include "core/text.h"
#include "handover/checks/check.h"

namespace qh::handover::checks {

void desktop(const Survey& s, Findings& out) {
  if (!s.screen || !s.screen->has_desktop() || s.screen->remaining_holders.empty()) return;
  add(out, "holders", Severity::error, s.screen->cards.front(),
      printable(s.screen->remaining_holders.front()) + ", and does not end with the desktop",
      "end it before you start the guest");
}

}  // namespace qh::handover::checks
