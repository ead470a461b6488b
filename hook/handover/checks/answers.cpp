// The kernel lets the devices, and the consoles on them, be asked: no reset and no driver hangs in them.
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void answers(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices)
    if (!d.use.answers)
      refuse(
          out, "answers", d,
          "its configuration space does not answer: the kernel holds it, because a reset or a driver hangs",
          "`dmesg` may say what hangs; if it does not recover, reboot");
  for (const auto& [device, error] : s.unanswered)
    out.push_back({"answers", Severity::error, device, error.message, error.remedy});
}

}  // namespace qh::handover::checks
