// Names of cards, for people, from the pci.ids file that most systems have.
#pragma once

#include <string>

#include "host/host.h"

namespace qh::host {

// "NVIDIA Corporation GA104 [GeForce RTX 3070]" for an identity ("10de:2484 …"); `otherwise` where the
// file or the name is missing.
std::string pci_name(const Host& host, const std::string& identity, const std::string& otherwise = {});

}  // namespace qh::host
