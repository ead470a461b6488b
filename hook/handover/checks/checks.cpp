#include "handover/checks/checks.h"

#include <algorithm>

#include "handover/checks/check.h"

namespace qh::handover {
namespace checks {

// In the order of their findings: what others may only follow from comes first.
Check claim, present, answers, identity, iommu, storage, group, network, in_use, holders, sriov, driver,
    input, rom, reservation, siblings, reset_bug;
constexpr Check* all[] = {claim,   present, answers, identity, iommu, storage,     group,    network,  in_use,
                          holders, sriov,   driver,  input,    rom,   reservation, siblings, reset_bug};

}  // namespace checks

Finding missing_vfio(const std::string& kernel) {
  return {"driver", Severity::error, "", "the kernel " + kernel + " has no vfio-pci driver",
          "install all modules of this kernel, or boot the kernel that is installed"};
}

std::vector<Finding> check(const Survey& survey) {
  std::vector<Finding> findings;
  for (checks::Check* look : checks::all) look(survey, findings);
  std::ranges::stable_sort(findings, {}, &Finding::severity);
  return findings;
}

}  // namespace qh::handover
