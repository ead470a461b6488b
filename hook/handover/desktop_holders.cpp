#include "handover/desktop_holders.h"

#include <array>

#include "core/text.h"
#include "host/names.h"
#include "host/processes/child.h"

namespace qh::handover {
namespace {

// By these a compositor takes the cards that are named, whatever their seat (KWin's drm_backend.cpp, wlroots'
// backend/session, aquamarine's DRM.cpp).
constexpr std::array card_variables{"KWIN_DRM_DEVICES", "WLR_DRM_DEVICES", "AQ_DRM_DEVICES"};

// The environment is read as a debugger would, under a lock of the process (environ_read in fs/proc/base.c).
std::vector<std::string> variables_of(const host::Host& host, int pid) {
  const std::string file = host.path("/proc/" + std::to_string(pid) + "/environ");
  const auto text =
      host::run_in_child("reading " + file, Milliseconds{1000}, [&] { return read_file(file, 4U << 20U); });
  std::vector<std::string> found;
  if (!text) return found;
  for (const auto entry : split(*text, '\0'))
    for (const char* name : card_variables)
      if (entry.starts_with(std::string(name) + "=")) found.emplace_back(entry);
  return found;
}

}  // namespace

bool is_card(const host::DeviceNode& node) {
  return node.subsystem == "drm" && node.path.starts_with("/dev/dri/card");
}

DesktopFacts desktop_facts(const host::Host& host, const std::vector<host::Holder>& holders) {
  DesktopFacts facts;
  facts.has_seatd = host.exists(names::seatd_socket);
  facts.watchers = host::sound_watchers(host, holders);
  for (const auto& h : holders) {
    if (!facts.places.contains(h.pid)) facts.places[h.pid] = host::place_of(host, h.pid);
    if (is_card(h.node) && !host::serves_sessions(h.pid, h.command) && !facts.variables.contains(h.pid))
      facts.variables[h.pid] = variables_of(host, h.pid);
  }
  if (!holders.empty()) facts.sessions = host::list_sessions(host);
  return facts;
}

}  // namespace qh::handover
