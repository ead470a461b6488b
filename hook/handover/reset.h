// Resetting devices between two owners: QEMU is gone, the host driver has not touched them yet.
#pragma once

#include "config/guest_conf.h"
#include "handover/ports.h"

namespace qh::handover {

// Does for each device in the guest's journal what its conf asks for, or the host's defaults if it names it
// not. Logs what was done; fails never. A device that no longer answers is marked in the journal, so that no
// host driver gets it.
void reset_devices(Ports& ports, const config::GuestConf& conf);

}  // namespace qh::handover
