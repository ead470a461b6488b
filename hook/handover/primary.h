// The guest that gets the card with the host's console, often the only one: what makes way for it.
//
// The order, and what each position prevents. vfio-pci is loaded first: a host that cannot is found out while
// the desktop is there. Sleep is inhibited before the screen goes, and again allowed only when it is back.
// The display manager goes before its sessions, which it would start anew; services and sessions before the
// wait for holders, since a driver's unbind waits for them where nothing can be killed. Then whatever the
// kernel itself has on the card: text consoles before the frame buffers that they draw into, both before the
// modules on top of the driver, and these before the driver is unbound. The driver's own module goes last, so
// that it is the first to come back: a reattached device then finds its driver, and what stands on top of it
// (a DRM node of NVIDIA's) finds its device.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "handover/finding.h"
#include "handover/guest.h"
#include "handover/planner.h"
#include "handover/ports.h"

namespace qh::handover {

// What is on the cards, as measured on the host; everything may be absent.
struct Screen {
  std::vector<PciAddress> cards;    // displays that are to be detached and carry the console
  std::vector<PciAddress> devices;  // these and the guest's other functions in their slots
  std::string display_manager;
  std::vector<std::string> companions;      // services that go down with it
  std::vector<PciAddress> cards_with_node;  // those of the cards that have a DRM node
  std::vector<std::string> users;           // who has a session on a seat, by number
  std::vector<std::string> services;        // of NVIDIA's persistence daemon
  std::vector<PciAddress> persistent;       // cards in persistence mode
  std::vector<std::string> consoles;        // bound ones that draw into a frame buffer
  std::vector<UnbindFramebuffer> framebuffers;
  std::vector<std::string> modules_above;  // in the order of unloading
  std::vector<std::string> driver_modules;
  std::string awake_unit;  // empty: nothing can keep this host awake
  std::vector<std::string>
      stayers;  // programs that hold a card and will not end with the desktop, a line each

  bool has_desktop() const { return !display_manager.empty() || !users.empty(); }
};

// Nothing, if the guest has no such card, or its conf says that it is none. timed_out: the kernel holds its
// consoles.
Result<std::optional<Screen>> measure_screen(const Ports& ports, const Guest& guest,
                                             const std::vector<ToDetach>& devices);

// The plan for the devices with all that makes way for them around it. Pure.
Plan around(const Screen& screen, Plan devices);

// A program that holds such a card and will not end with the desktop: found out while that is still there.
std::optional<Finding> check_desktop(const Ports& ports, const Guest& guest);
std::optional<Finding> check_desktop(const Screen& screen);

// In three lines: what will happen to the desktop, and the way back. Empty: nothing happens to it.
std::vector<std::string> desktop_lines(const Ports& ports, const Guest& guest);

}  // namespace qh::handover
