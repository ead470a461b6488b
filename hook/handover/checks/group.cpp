// The host uses no other device of the devices' IOMMU groups.
#include <set>

#include "core/contains.h"
#include "core/text.h"
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void group(const Survey& s, Findings& out) {
  const auto wanted = s.guest.addresses();
  std::set<std::string> done;
  for (const auto& d : s.guest.devices) {
    if (!d.present || d.present->iommu_group.empty() || !done.insert(d.present->iommu_group).second) continue;
    std::vector<std::string> members, in_the_way, bridges;
    for (const auto& other : s.all_devices) {
      if (other.iommu_group != d.present->iommu_group) continue;
      members.push_back(other.address.text());
      if (contains(wanted, other.address) || !is_in_the_way_of_its_group(other)) continue;
      in_the_way.push_back(other.address.text() + " (" + other.driver + ")");
      if (other.is_bridge()) bridges.push_back("`modprobe -r " + other.driver + "`");
    }
    if (in_the_way.empty()) continue;
    refuse(out, "group", d,
           "an IOMMU group can only go to a guest as a whole, and the host uses part of group " +
               d.present->iommu_group + ": " + join_few(in_the_way) + "; the group is " + join(members, " "),
           bridges.empty() ? "give the guest all of it " + edit(s) + ", or put the card into another slot"
                           : "a bridge cannot go to a guest, but needs no driver while its group does: " +
                                 join(bridges, " and ") + ", or put the card into another slot");
  }
}

}  // namespace qh::handover::checks
