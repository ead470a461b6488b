// Makes the steps of `prepare` from what was measured. Pure.
//
// The order for every guest. vfio-pci is loaded before the first unbind: registering a driver takes every
// device's lock, and so hangs behind a stuck unbind. Then every host driver lets go, and only then is libvirt
// called, so that no driver can hang inside the daemon. A card's audio goes before its display, which others
// depend on.
//
// The order for the guest that gets the card with the host's console. vfio-pci is loaded first: a host that
// cannot is found out while the desktop is there. Sleep is inhibited before the screen goes, and allowed
// again only when it is back. The display manager goes before its sessions, which it would start anew;
// services and sessions go before the wait for holders, since a driver's unbind waits for them where nothing
// can be killed. Then whatever the kernel itself has on the card: text consoles before the frame buffers that
// they draw into, both before the modules on top of the driver, and these before the driver is unbound. The
// driver's own module goes last, so that it is the first to come back: a reattached device then finds its
// driver, and what stands on top of it (a DRM node of NVIDIA's) finds its device.
#pragma once

#include <string>
#include <vector>

#include "handover/steps/step.h"
#include "handover/survey.h"

namespace qh::handover {

struct PlannedStep {
  Step step;
  std::string reason;  // why it is in the plan, for a person
};
using Plan = std::vector<PlannedStep>;

// Devices on a VFIO driver and those that are not ours need no step.
Plan make_plan(const Survey& survey);

}  // namespace qh::handover
