// Whether this host is set up for hand-overs at all, whichever guest.
#pragma once

#include <string>
#include <vector>

#include "handover/finding.h"
#include "host/host.h"

namespace qh::handover {

// Checks named "IOMMU", "driver", "hook", "daemon", "selinux", "apparmor". Empty: all is well.
std::vector<Finding> check_host(const host::Host& host);

}  // namespace qh::handover
