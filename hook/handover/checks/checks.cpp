#include "handover/checks/checks.h"

#include <algorithm>

#include "core/text.h"
#include "host/names.h"

namespace qh::handover {
namespace checks {

Check claim, answers, abilities, group, holders, driver, input, rom;
DeviceCheck present, identity, iommu, storage, network, in_use, sriov, reservation, siblings, reset_bug;

template <DeviceCheck look>
void each(const Survey& survey, Findings& out) {
  for (const auto& device : survey.guest.devices) look(survey, device, out);
}

// In the order of their findings: what others may only follow from comes first.
constexpr Check* all[] = {
    claim,         each<present>, answers,       abilities,         each<identity>, each<iommu>,
    each<storage>, group,         each<network>, each<in_use>,      holders,        each<sriov>,
    driver,        input,         rom,           each<reservation>, each<siblings>, each<reset_bug>};

void add(Findings& out, const char* check, Severity severity, const PciAddress& address,
         const std::string& message, const std::string& remedy) {
  out.push_back({check, severity, address.text(), address.text() + ": " + message, remedy});
}

void refuse(Findings& out, const char* check, const Device& device, const std::string& message,
            const std::string& remedy) {
  add(out, check, Severity::error, device.address(), message, remedy);
}

std::string call(const char* command, const std::string& guest, const char* option) {
  return std::string("`qemu-hook ") + command + " " + printable(guest) + option + "`";
}

std::string allow(const Survey& survey) {
  return "set `allow_in_use = true` for it in " + names::guest_conf(survey.guest.name);
}

std::string edit(const Survey& survey) {
  return "(`virsh edit " + printable(survey.guest.name) + "`)";
}

bool is_in_the_way_of_its_group(const host::PciDevice& d) {
  return !d.driver.empty() && !d.on_vfio && d.driver != "pci-stub" && d.driver != "pcieport" &&
         d.class_code() != "060400";
}

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
