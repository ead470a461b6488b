// Whether this host is set up for hand-overs at all, whichever guest.
#pragma once

#include <string>
#include <vector>

#include "handover/finding.h"
#include "host/sysfs.h"

namespace qh::handover {

// Checks named "IOMMU", "driver", "hook", "daemon", "selinux", "apparmor". Empty: all is well.
std::vector<Finding> check_host(const std::string& root, const host::Sysfs& sysfs);

}  // namespace qh::handover
