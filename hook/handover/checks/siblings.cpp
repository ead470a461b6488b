// Warns of the other functions of a card that is given away in part. On bus 0 one slot holds unrelated parts
// of the chipset, and a virtual function shares its slot with others' by design.
#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void siblings(const Survey& s, const Device& d, Findings& out) {
  const auto wanted = s.guest.addresses();
  const PciAddress& a = d.address();
  const bool first = std::ranges::none_of(wanted, [&](const auto& w) { return w.same_slot(a) && w < a; });
  if (!d.present || !first || a.bus == 0 || contains(s.virtual_devices, a)) return;
  std::vector<std::string> left;
  for (const auto& other : s.all_devices)
    if (other.address.same_slot(a) && !contains(wanted, other.address) &&
        !contains(s.virtual_devices, other.address) &&
        !(other.iommu_group == d.present->iommu_group &&
          is_in_the_way_of_its_group(other)))  // refused already
      left.push_back(other.address.text() + (other.driver.empty() ? "" : " (" + other.driver + ")"));
  if (!left.empty())
    add(out, "siblings", Severity::warning, a,
        "functions of the same card stay with the host: " + join_few(left),
        "a card works best as a whole, and can then be reset: add them to the guest " + edit(s));
}

}  // namespace qh::handover::checks
