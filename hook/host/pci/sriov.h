// The virtual functions of a physical function (of a network card or a GPU), and the physical one of a
// virtual one.
#pragma once

#include <optional>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

// The virtual functions of a physical function that are switched on; empty for any other function. They
// vanish when the physical function loses its driver.
std::vector<PciAddress> virtual_functions(const Host& host, const PciAddress& address);

// The physical function that a virtual function belongs to; nothing for any other function. A virtual
// function that is removed from the bus is lost: a rescan finds only what has a vendor ID, and that of a
// virtual function reads 0xffff (PCI Express 6.0, 9.3.4.1.1). Only its physical function can make it again,
// together with all others.
std::optional<PciAddress> physical_function(const Host& host, const PciAddress& address);

}  // namespace qh::host
