// Resets devices between two owners: QEMU is gone, and the host driver has not touched them yet.
#pragma once

#include "config/guest_conf.h"
#include "handover/ports.h"

namespace qh::handover {

// Does for each device in the guest's journal what its conf asks for, or the host's defaults if the conf does
// not name it. A device that somebody else uses by now is left alone. `remove-rescan` is only noted in the
// journal: it is done when the device is given back, see give_back(). Logs what was done; never fails.
//
// A device that no longer answers, or whose reset does not return, is marked dead in the journal: no host
// driver gets it until it answers again.
void reset_devices(Ports& ports, const config::GuestConf& conf);

}  // namespace qh::handover
