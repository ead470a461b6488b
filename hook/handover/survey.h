// The host as it is, as far as a handover of one guest's devices asks: measured once, before anything is
// decided. Checks and plan are made from it, and look at nothing else.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "handover/claims.h"
#include "handover/gpu.h"
#include "handover/screen.h"
#include "host/host.h"
#include "host/pci/usb_input.h"
#include "host/processes/abilities.h"
#include "host/processes/holders.h"
#include "host/processes/sessions.h"
#include "host/processes/sound_servers.h"

namespace qh::handover {

// What could not be measured, since the kernel holds it.
struct Unanswered {
  std::string device;  // empty: the host's consoles
  Error error;
};

struct Survey {
  Guest guest;                               // with the use of its devices
  std::vector<host::PciDevice> all_devices;  // every function of the host
  std::vector<PciAddress> virtual_devices;   // those of them that are virtual functions
  std::vector<Conflict> conflicts;           // with other guests' claims
  GpuUse gpu;
  host::Holders holders;  // of all nodes of the guest's devices
  // About them, beside a living desktop.
  std::vector<host::LoginSession> sessions;
  std::map<int, host::Place> places;                  // of each holder
  std::map<int, std::vector<std::string>> variables;  // "WLR_DRM_DEVICES=…", of those of DRM cards
  std::vector<host::SoundWatcher> watchers;
  bool has_seatd = false;
  std::vector<PciAddress> persistent;  // cards of the guest in NVIDIA's persistence mode
  std::optional<Screen> screen;        // of a guest that gets the host's console
  std::vector<Unanswered> unanswered;
  host::LastInputs last_inputs;              // that go with the guest
  std::vector<std::string> rom_problems;     // a sentence each
  std::map<std::string, std::string> names;  // of the cards in question, by identity
  std::string iommu_remedy;                  // what to do about a device without an IOMMU group
  std::string kernel;                        // its release
  bool has_vfio = false;                     // vfio-pci is there or can be loaded
  bool vfio_is_loaded = false;
  std::vector<host::Lack> lacks;  // what the hook needs for this guest and may not do here
  std::string profile;            // of AppArmor's, that confines this process; or empty
  bool sees_all = false;          // root, or a copy of a host's files: nothing is hidden
};

// Looks through all processes once.
Survey survey(const host::Host& host, const host::Services& services, Guest guest);
// The same without the screen: what does not depend on how the console is freed.
Survey survey_devices(const host::Host& host, Guest guest);

// Whether a node is what a desktop opens of a card, and not one for computing.
bool is_card(const host::DeviceNode& node);

// The guest's devices, and then what shares an IOMMU group with one of them: only one guest at a time can
// have a group.
std::vector<PciAddress> devices_in_groups(const host::Host& host, const Guest& guest);

}  // namespace qh::handover
