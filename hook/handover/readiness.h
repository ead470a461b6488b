// Checks whether this host is set up for hand-overs at all, for any guest.
#pragma once

#include <vector>

#include "handover/finding.h"
#include "host/host.h"

namespace qh::handover {

// Checks named "IOMMU", "driver", "hook", "daemon", "selinux", "apparmor", "abilities". Empty: all is well.
std::vector<Finding> check_host(const host::Host& host);

// From here on this process, which is asked what a start would do, is denied what the hook is denied. The
// program itself in /etc/libvirt/hooks runs in the daemon's AppArmor profile, a link to it in none.
void be_confined_as_the_hook(const host::Host& host);

}  // namespace qh::handover
