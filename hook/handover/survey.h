// The host as it is, as far as the checks of one guest ask: one snapshot, taken before anything is decided.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "handover/claims.h"
#include "handover/desktop_holders.h"
#include "handover/guest.h"
#include "host/host.h"
#include "host/network/network.h"
#include "host/pci/usb_input.h"
#include "host/processes/holders.h"
#include "host/storage/storage.h"

namespace qh::handover {

// What hangs on one device of the guest.
struct DeviceUse {
  host::StorageUse storage;
  std::vector<host::InterfaceUse> network;
  std::vector<PciAddress> virtual_functions;
  std::optional<std::string> reset_bug;  // the card's family
  bool answers = true;                   // its configuration space can be read
};

struct Survey {
  Guest guest;
  std::vector<DeviceUse> uses;               // one for each of the guest's devices
  std::vector<host::PciDevice> all_devices;  // every function of the host
  std::vector<PciAddress> virtual_devices;   // those of them that are virtual functions
  std::vector<Conflict> conflicts;           // with other guests' claims
  // Functions of the guest on a card that carries the console: the desktop that holds them is stopped first.
  std::vector<PciAddress> console_devices;
  host::Holders holders;
  DesktopFacts desktop;                      // about the holders
  host::LastInputs last_inputs;              // that go with the guest
  std::vector<std::string> rom_problems;     // a sentence each
  std::map<std::string, std::string> names;  // of the cards in question, by identity
  std::string iommu_remedy;                  // what to do about a device without an IOMMU group
  std::string kernel;                        // its release
  bool has_vfio = false;                     // vfio-pci is there or can be loaded
  bool sees_all = false;                     // root, or a copy of a host's files: nothing is hidden
};

Survey survey(const host::Host& host, Guest guest);

// The guest's devices, and then what shares an IOMMU group with one of them: only one guest at a time can
// have a group.
std::vector<PciAddress> devices_in_groups(const host::Host& host, const Guest& guest);

}  // namespace qh::handover
