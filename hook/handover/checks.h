// What is looked at before anything is touched. Pure: from one survey of the host to findings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "handover/claims.h"
#include "handover/guest.h"

namespace qh::handover {

enum class Severity { error, warning };

struct Finding {
  std::string check;  // "present", "identity", "iommu", "claim", "driver"
  Severity severity = Severity::error;
  std::string device;   // its address; empty for the host as a whole
  std::string message;  // device and reason
  std::string remedy;
};

// The host as it is, as far as the checks ask.
struct Survey {
  Guest guest;
  std::vector<host::PciDevice> all_devices;  // every function of the host
  std::optional<Finding> missing_vfio;       // the host has no vfio-pci
  bool iommu_in_kernel = false;              // the kernel has an IOMMU at work, for whichever device
  std::vector<Conflict> conflicts;           // with other guests' claims
};

Survey survey(const std::string& root, const host::Sysfs& sysfs, Guest guest);

// The finding if vfio-pci can neither be found nor loaded.
std::optional<Finding> missing_vfio(const std::string& root, const host::Sysfs& sysfs);

// Errors first.
std::vector<Finding> check(const Survey& survey);

bool has_errors(const std::vector<Finding>& findings);

}  // namespace qh::handover
