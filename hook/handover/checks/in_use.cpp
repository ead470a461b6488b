// No process uses the devices through VFIO that no journal speaks of: a guest that got one by hot plug.
#include <algorithm>

#include "handover/checks/checks.h"

namespace qh::handover::checks {

void in_use(const Survey& s, const Device& d, Findings& out) {
  std::vector<host::Holder> users;
  for (const auto& h : s.holders.holders)
    if (h.node.function == d.address() && h.node.kind == host::NodeKind::vfio) users.push_back(h);
  // What a journal tells says it better.
  const bool is_claimed =
      std::ranges::any_of(s.conflicts, [&](const Conflict& c) { return c.owner.claims(d.address()); });
  if (!users.empty() && !is_claimed)
    refuse(out, "in use", d, "it is in use through VFIO by " + describe(users),
           "shut that guest down, or remove the device from it (`virsh detach-device`)");
}

}  // namespace qh::handover::checks
