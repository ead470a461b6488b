// From what is measured to the steps of `prepare`. Pure.
#pragma once

#include <vector>

#include "handover/guest.h"
#include "handover/step.h"

namespace qh::handover {

// A device of the guest that is to be detached, as it stands now.
struct ToDetach {
  Measured measured;
  bool is_audio = false;
  bool is_display = false;
};

// The order, and why: vfio-pci is loaded before the first unbind (registering a driver takes every device's
// lock, and so hangs behind a stuck unbind). Then every host driver lets go, and only then is libvirt called,
// so that no driver can hang inside the daemon. A card's audio goes before its display, which others depend
// on.
Plan make_plan(std::vector<ToDetach> devices, bool vfio_loaded);

}  // namespace qh::handover
