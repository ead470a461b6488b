// No other guest has the devices, or others of their IOMMU groups.
#include "core/contains.h"
#include "core/text.h"
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void claim(const Survey& s, Findings& out) {
  for (const auto& c : s.conflicts) {
    const std::string owner = in_quotes(c.owner.guest);
    const std::string when = since(c.owner.since);
    std::string message, remedy;
    switch (c.holding) {
      case Holding::running:
        message = "the running guest " + owner + " has had it " + when;
        remedy = "shut down " + owner + " first";
        break;
      case Holding::changing:
        message = "the guest " + owner + " has had it " + when + " and is starting or ending now";
        remedy = "try again when that guest has ended";
        break;
      case Holding::by_hand:
      case Holding::leftover:
        message = std::string("it has been ") +
                  (c.holding == Holding::by_hand ? "detached by hand for" : "left over from") +
                  " the guest " + owner + " " + when;
        remedy = call("--reattach", c.owner.guest) + " gives it back";
        break;
    }
    if (!contains(s.guest.addresses(), c.address))
      message = "it shares its IOMMU group with a device of this guest, and " + message;
    add(out, "claim", Severity::error, c.address, message, remedy);
  }
}

}  // namespace qh::handover::checks
