// Gives back devices that were left over.
#pragma once

#include <string>
#include <vector>

#include "handover/ports.h"

namespace qh::handover {

// A journal that is still there although nobody is at work on it: what it says is undone; of a guest that
// runs, what was unplugged from it.
std::vector<Error> recover(Ports& ports, const std::string& guest);

// refused: the guest runs. Whoever has its devices by hand could take them from under its QEMU.
Result<void> is_not_running(const Ports& ports, const std::string& guest);

// Gives back whatever is left over from a guest that is not running, by hand, and from one that runs what was
// unplugged from it: by its journal; by what can be read of it, if it is damaged; without one those of
// `addresses` that somebody has put on a VFIO driver at run time and nobody uses.
std::vector<Error> repair(Ports& ports, const std::string& guest, const std::vector<PciAddress>& addresses);

}  // namespace qh::handover
