// Virtual functions that a network card's or a GPU's physical function has made.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/sysfs.h"

namespace qh::host {

// The virtual functions of a physical function that are switched on; empty for any other function. They
// vanish when the physical function loses its driver.
std::vector<PciAddress> virtual_functions(const Sysfs& sysfs, const PciAddress& address);

}  // namespace qh::host
