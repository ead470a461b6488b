// What the host tells about those who have the nodes of a guest's second GPU, and of its sound, open beside a
// living desktop.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "host/host.h"
#include "host/processes/holders.h"
#include "host/processes/sessions.h"
#include "host/processes/sound_servers.h"

namespace qh::handover {

struct DesktopFacts {
  std::vector<host::LoginSession> sessions;
  std::map<int, host::Place> places;                  // of each holder
  std::map<int, std::vector<std::string>> variables;  // "WLR_DRM_DEVICES=…", of those of DRM cards
  std::vector<host::SoundWatcher> watchers;
  bool has_seatd = false;
};

DesktopFacts desktop_facts(const host::Host& host, const std::vector<host::Holder>& holders);

// Whether a node is what a desktop opens of a card, and not one for computing.
bool is_card(const host::DeviceNode& node);

}  // namespace qh::handover
