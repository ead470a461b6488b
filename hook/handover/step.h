// The steps of a handover, as data: printed, journalled, done and undone from the same value.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/pci_address.h"
#include "core/result.h"

namespace qh::handover {

// How a device stood on the host before it was touched; what giving it back restores.
struct Measured {
  PciAddress address;
  std::string host_driver;      // empty: it had none
  std::string driver_override;  // empty: none was set

  bool operator==(const Measured&) const = default;
};

// Loads a kernel module. Never undone: other guests may use vfio by then.
struct LoadModule {
  std::string module;
  bool operator==(const LoadModule&) const = default;
};
// Makes the host driver let go.
struct Unbind {
  Measured device;
  bool operator==(const Unbind&) const = default;
};
// Binds the device to its VFIO driver.
struct Detach {
  Measured device;
  bool operator==(const Detach&) const = default;
};

// What makes way for a guest that gets the card with the host's console; see primary.h for the order.

// Keeps the host from sleeping, by this transient unit of systemd's.
struct InhibitSleep {
  std::string unit;
  bool operator==(const InhibitSleep&) const = default;
};
// Stops the display manager; it comes back when each of the cards has its DRM node again.
struct StopDisplayManager {
  std::string service;
  std::vector<PciAddress> cards;
  bool operator==(const StopDisplayManager&) const = default;
};
// Ends whatever sessions of the machine's seats still hold the devices, and what is left of these users'
// programs that does. Never undone: nothing can.
struct EndSessions {
  std::vector<PciAddress> devices;
  std::vector<std::string> users;  // their numbers: whoever had a session on a seat
  bool operator==(const EndSessions&) const = default;
};
// Stops a service that holds the card, NVIDIA's persistence daemon.
struct StopService {
  std::string service;
  bool operator==(const StopService&) const = default;
};
// Ends NVIDIA's persistence mode.
struct EndPersistence {
  PciAddress card;
  bool operator==(const EndPersistence&) const = default;
};
// Waits until no process holds the devices.
struct WaitForHolders {
  std::vector<PciAddress> devices;
  bool operator==(const WaitForHolders&) const = default;
};
struct UnbindConsole {
  std::string console;            // "vtcon1"
  std::vector<PciAddress> cards;  // on which it may show
  bool operator==(const UnbindConsole&) const = default;
};
// Takes the firmware's frame buffer from its driver.
struct UnbindFramebuffer {
  std::string driver;
  std::string device;
  PciAddress card;
  bool operator==(const UnbindFramebuffer&) const = default;
};
// Unloads a module of the card's driver.
struct UnloadModule {
  std::string module;
  bool is_required = false;  // without it the driver does not let go of the card
  bool operator==(const UnloadModule&) const = default;
};

// A step in the journal of a newer version of this program. What it did is for that version to undo.
struct UnknownStep {
  std::string line;
  bool operator==(const UnknownStep&) const = default;
};

using Step =
    std::variant<UnknownStep, LoadModule, Unbind, Detach, InhibitSleep, StopDisplayManager, EndSessions,
                 StopService, EndPersistence, WaitForHolders, UnbindConsole, UnbindFramebuffer, UnloadModule>;

struct PlannedStep {
  Step step;
  std::string reason;  // why it is in the plan, for a person
};
using Plan = std::vector<PlannedStep>;

// For std::visit: a function for each kind of step.
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// "unbind 0000:01:00.0 from nvidia"
std::string describe(const Step& step);
// What giving back does about it: "reattach 0000:01:00.0 to nvidia"; empty where nothing is undone.
std::string describe_undo(const Step& step);

// One line of the journal, and back. Words are separated by blanks; one that contains a blank is escaped.
// bad_input: the line is damaged. A kind of step that is not known here is an UnknownStep.
std::string to_line(const Step& step);
Result<Step> parse_step(std::string_view line);

}  // namespace qh::handover
