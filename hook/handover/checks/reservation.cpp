// Warns of a reservation that does not hold what it promises yet.
#include <algorithm>

#include "handover/checks/check.h"

namespace qh::handover::checks {

void reservation(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    // Who has the device open has been named, with the remedy.
    if (std::any_of(out.begin(), out.end(), [&](const Finding& f) {
          return f.check == "holders" && f.severity == Severity::error && f.device == d.address().text();
        }))
      continue;
    for (auto& finding : check_reservation(s.guest, d, s.desktop)) out.push_back(std::move(finding));
  }
}

}  // namespace qh::handover::checks
