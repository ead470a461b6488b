// All checks: they decide before anything is touched. Pure: from one survey of the host to findings.
#pragma once

#include <string>
#include <vector>

#include "handover/finding.h"
#include "handover/survey.h"

namespace qh::handover {

// Errors first; among them, what the others may only follow from.
std::vector<Finding> check(const Survey& survey);

// The finding for a host without vfio-pci, `kernel` its release.
Finding missing_vfio(const std::string& kernel);

}  // namespace qh::handover
