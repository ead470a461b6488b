// The steps of a handover, as data: printed, journalled, done and undone from the same value.
//
// Each kind is a struct with
//
//   verb             the first word of its line in the journal, which stays as it is for ever
//   fields()         what follows in that line: its members, of types that step.cpp can read and write
//   describe()       "unbind 0000:01:00.0 from nvidia"
//   run()            does it, and brings what it is about to its state from whatever state that is in
//   describe_undo()  what giving back does about it: "start gdm.service"
//   undo()           does that; may be repeated. A kind without these two is never undone
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "core/pci_address.h"
#include "core/result.h"

namespace qh::handover {

struct Ports;
class Journal;

// How a device stood on the host before it was touched; what giving it back restores.
struct DeviceState {
  PciAddress address;
  std::string host_driver;      // empty: it had none
  std::string driver_override;  // empty: none was set

  bool operator==(const DeviceState&) const = default;
};

// A step in the journal of a newer version of this program. What it did is for that version to undo.
struct UnknownStep {
  std::string text;

  std::string describe() const;
  // Both fail.
  Result<void> run(Ports& ports, Journal& journal) const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const UnknownStep&) const = default;
};

// Loads a kernel module. Never undone: other guests may use vfio by then.
struct LoadModule {
  std::string module;

  static constexpr std::string_view verb = "load-module";
  static auto fields(auto& s) { return std::tie(s.module); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
};

// Takes a device from the host; undone by giving it back as a whole.
struct DeviceStep {
  DeviceState device;

  static auto fields(auto& s) { return std::tie(s.device); }
  Result<void> undo(Ports& ports) const;
};

// Makes the host driver let go of a device.
struct Unbind : DeviceStep {
  static constexpr std::string_view verb = "unbind";
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
};

// Binds a device to its VFIO driver, as `virsh nodedev-detach` does.
struct BindVfio : DeviceStep {
  static constexpr std::string_view verb = "detach";
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
};

// Keeps the host from sleeping, with a transient systemd unit.
struct InhibitSleep {
  std::string unit;

  static constexpr std::string_view verb = "inhibit-sleep";
  static auto fields(auto& s) { return std::tie(s.unit); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
};

// Stops the display manager.
struct StopDisplayManager {
  std::string service;
  std::vector<PciAddress> cards;  // those that have a DRM node

  static constexpr std::string_view verb = "stop-display-manager";
  static auto fields(auto& s) { return std::tie(s.service, s.cards); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
  // Once the cards have their DRM nodes; without them only where the host has another card to show it on.
  Result<void> undo(Ports& ports) const;
};

// Ends the sessions of the machine's seats that still hold the devices, and these users' remaining
// programs that do. Never undone: nothing can.
struct EndSessions {
  std::vector<PciAddress> devices;
  std::vector<std::string> users;  // their numbers: whoever had a session on a seat

  static constexpr std::string_view verb = "end-sessions";
  static auto fields(auto& s) { return std::tie(s.devices, s.users); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
};

// Stops a service that holds the card, or that goes down with the display manager.
struct StopService {
  std::string service;

  static constexpr std::string_view verb = "stop-service";
  static auto fields(auto& s) { return std::tie(s.service); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
};

// Ends NVIDIA's persistence mode, which keeps the driver on the card without any process.
struct EndPersistence {
  PciAddress card;

  static constexpr std::string_view verb = "end-persistence";
  static auto fields(auto& s) { return std::tie(s.card); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
};

// Waits until no process holds the devices. timed_out: the error names who holds what.
struct WaitForHolders {
  std::vector<PciAddress> devices;

  static constexpr std::string_view verb = "wait-for-holders";
  static auto fields(auto& s) { return std::tie(s.devices); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
};

// Unbinds a text console from its frame buffer.
struct UnbindConsole {
  std::string console;            // "vtcon1"
  std::vector<PciAddress> cards;  // on which it may show

  static constexpr std::string_view verb = "unbind-console";
  static auto fields(auto& s) { return std::tie(s.console, s.cards); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
  // A console that the kernel cannot bring back is a warning.
  Result<void> undo(Ports& ports) const;
};

// Unbinds the firmware's frame buffer from its driver.
struct UnbindFramebuffer {
  std::string driver;
  std::string device;
  PciAddress card;

  static constexpr std::string_view verb = "unbind-framebuffer";
  static auto fields(auto& s) { return std::tie(s.driver, s.device, s.card); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
  // A frame buffer that does not come back before the next boot is a warning.
  Result<void> undo(Ports& ports) const;
};

// Unloads a module of the card's driver, without whose unloading the driver does not let go of the card.
struct UnloadModule {
  std::string module;

  static constexpr std::string_view verb = "unload-module";
  static auto fields(auto& s) { return std::tie(s.module); }
  std::string describe() const;
  Result<void> run(Ports& ports, Journal& journal) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
};

// Unloads one that does no harm if it stays.
struct UnloadModuleIfFree : UnloadModule {
  static constexpr std::string_view verb = "unload-module-if-free";
  Result<void> run(Ports& ports, Journal& journal) const;
};

// Two steps of a kind are the same if their fields are.
template <class Kind>
requires requires {
  Kind::verb;
}
bool operator==(const Kind& a, const Kind& b) {
  return Kind::fields(a) == Kind::fields(b);
}

// All kinds. A new one is a struct above, a file of its own in this folder with its words, its doing and its
// undoing, a word here, and its place in the plan (plan.h).
using Step = std::variant<UnknownStep, LoadModule, Unbind, BindVfio, InhibitSleep, StopDisplayManager,
                          EndSessions, StopService, EndPersistence, WaitForHolders, UnbindConsole,
                          UnbindFramebuffer, UnloadModule, UnloadModuleIfFree>;

// These ask the step's own kind. The undoing of a step that is never undone is described by an empty text,
// and succeeds.
std::string describe(const Step& step);
std::string describe_undo(const Step& step);
Result<void> run(Ports& ports, Journal& journal, const Step& step);
Result<void> undo(Ports& ports, const Step& step);

// The first word of its line in the journal; empty for one that is not known here.
std::string_view verb_of(const Step& step);

// The device of a DeviceStep; nullptr: it is none.
const DeviceState* device_of(const Step& step);

// One line of the journal, and back. Words are separated by blanks; one that contains a blank is escaped.
// bad_input: the line is damaged. A kind of step that is not known here is an UnknownStep.
std::string to_line(const Step& step);
Result<Step> parse_step(std::string_view line);

}  // namespace qh::handover
