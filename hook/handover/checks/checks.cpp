#include "handover/checks/checks.h"

#include <algorithm>

#include "handover/checks/check.h"

namespace qh::handover {
namespace checks {

Check claim, answers, group, holders, driver, input, rom;
DeviceCheck present, identity, iommu, storage, network, in_use, sriov, reservation, siblings, reset_bug;

template <DeviceCheck look>
void each(const Survey& survey, Findings& out) {
  for (const auto& device : survey.guest.devices) look(survey, device, out);
}

// In the order of their findings: what others may only follow from comes first.
constexpr Check* all[] = {
    claim, each<present>, answers,           each<identity>, each<iommu>,    each<storage>,
    group, each<network>, each<in_use>,      holders,        each<sriov>,    driver,
    input, rom,           each<reservation>, each<siblings>, each<reset_bug>};

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
