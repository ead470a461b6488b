// No other guest has the devices, or others of their IOMMU groups.
#include "core/contains.h"
#include "core/text.h"
#include "handover/checks/check.h"

namespace qh::handover::checks {

void claim(const Survey& s, Findings& out) {
  for (const auto& c : s.conflicts) {
    const std::string owner = in_quotes(c.owner.guest);
    const std::string when = since(c.owner.since);
    std::string message, remedy;
    switch (c.holding) {
      case Holding::running:
        message = "the running guest " + owner + " has it " + when;
        remedy = "shut down " + owner + " first";
        break;
      case Holding::by_hand:
        message = "was detached by hand for the guest " + owner + ", " + when;
        remedy = call("--reattach", c.owner.guest) + " gives it back";
        break;
      case Holding::changing:
        message = "the guest " + owner + " has it " + when + " and is just starting or ending";
        remedy = "try again when it is down";
        break;
      case Holding::leftover:
        message = "is left over from the guest " + owner + ", " + when;
        remedy = call("--reattach", c.owner.guest) + " gives it back";
        break;
    }
    if (!contains(s.guest.addresses(), c.address))
      message = "shares its IOMMU group with a device of this guest; " + message;
    add(out, "claim", Severity::error, c.address, message, remedy);
  }
}

}  // namespace qh::handover::checks
