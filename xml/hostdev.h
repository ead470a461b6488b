// The element that gives a PCI function of the host to a guest.
#pragma once

#include <string>

#include "core/pci_address.h"

namespace qh::xml {

// managed='yes': should qemu-hook be taken out one day the guest still starts, since libvirt then detaches
// the device by itself. With the hook that never comes to be: it has detached the device before libvirt
// looks.
std::string hostdev(const PciAddress& address);

}  // namespace qh::xml
