// Cards that are known not to come back from the kernel's reset.
#pragma once

#include <optional>
#include <string>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

// The name of the card's family ("Polaris 10") if it is one of AMD's that the kernel's own ways cannot reset
// and if no other way is installed: its `reset_method` then lacks "device_specific", which the module
// vendor-reset adds.
std::optional<std::string> reset_bug_family(const Host& host, const PciAddress& address);

}  // namespace qh::host
