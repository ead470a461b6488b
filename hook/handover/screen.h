// The cards with the host's console that go to the guest, and what is on them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "handover/steps/step.h"
#include "host/host.h"
#include "host/services/services.h"

namespace qh::handover {

struct Survey;

// As measured on the host; everything but the cards may be absent.
struct Screen {
  std::vector<PciAddress> cards;    // displays that are to be detached and carry the console
  std::vector<PciAddress> devices;  // these and the guest's other functions in their slots
  std::string display_manager;
  std::vector<std::string> companions;      // services that go down with it
  std::vector<PciAddress> cards_with_node;  // those of the cards that have a DRM node
  std::vector<std::string> users;           // who has a session on a seat, by number
  std::vector<std::string> services;        // of NVIDIA's persistence daemon
  std::vector<std::string> consoles;        // bound ones that draw into a frame buffer
  std::vector<UnbindFramebuffer> framebuffers;
  std::vector<std::string> modules_above;  // in the order of unloading
  std::vector<std::string> driver_modules;
  std::string awake_unit;  // empty: nothing can keep this host awake
  bool can_stop_services = true;  // the host runs systemd or OpenRC
  // Programs that hold a card and do not end with the desktop, a line each.
  std::vector<std::string> remaining_holders;

  bool has_desktop() const { return !display_manager.empty() || !users.empty(); }
  bool operator==(const Screen&) const = default;
  // In three lines: what will happen to the desktop, and the way back.
  std::vector<std::string> sentences(const std::string& guest) const;
};

// Nothing, if no device that is to be detached is on a card that carries the console. timed_out: the kernel
// holds its consoles. All else of the survey has been made.
Result<std::optional<Screen>> measure_screen(const host::Host& host, const host::Services& services,
                                             const Survey& survey);

}  // namespace qh::handover
