// Whether the host needs a network interface below a PCI function.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

struct InterfaceUse {
  std::string interface;  // "enp5s0"
  // "enp5s0 is in the bond bond0, which is in the bridge br0, which carries the default route"
  std::string sentence;
};

// The interfaces below the function that the host needs, with the reason that weighs most: the default route,
// carried by itself or by what is made of it; else a bridge or bond that is up.
std::vector<InterfaceUse> network_use(const Host& host, const PciAddress& address);

// The interfaces with a default route, IPv4's first.
std::vector<std::string> default_route_interfaces(const Host& host);

}  // namespace qh::host
