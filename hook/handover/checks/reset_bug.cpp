// Warns of cards that are known not to come back from a reset.
#include "handover/checks/checks.h"
#include "host/names.h"

namespace qh::handover::checks {

void reset_bug(const Survey& s, const Device& d, Findings& out) {
  const auto& family = d.use.reset_bug;
  if (family)
    add(out, "reset", Severity::warning, d.address(),
        "cards of the family " + *family +
            " often do not come back after a guest, unless they have a reset method of their own",
        "install the kernel module vendor-reset, and set `reset = \"device_specific\"` for it in " +
            names::guest_conf(s.guest.name));
}

}  // namespace qh::handover::checks
