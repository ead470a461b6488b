// Keyboards and mice, and the PCI function that each is connected to.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

// The names of the host's keyboards, and of its mice (touchpads and the like too), if every one of them is on
// USB below the given functions: without these the host has none. Empty: it keeps one, or has none at all.
struct LastInputs {
  std::vector<std::string> keyboards;
  std::vector<std::string> mice;
};

LastInputs last_inputs(const Host& host, const std::vector<PciAddress>& functions);

}  // namespace qh::host
