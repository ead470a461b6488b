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

using Step = std::variant<LoadModule, Unbind, Detach>;

struct PlannedStep {
  Step step;
  std::string reason;  // why it is in the plan, for a person
};
using Plan = std::vector<PlannedStep>;

// "unbind 0000:01:00.0 from nvidia"
std::string describe(const Step& step);
// What giving back does about it: "reattach 0000:01:00.0 to nvidia"; empty where nothing is undone.
std::string describe_undo(const Step& step);

// One line of the journal, and back. Words are separated by blanks; none contains one.
std::string to_line(const Step& step);
Result<Step> parse_step(std::string_view line);

}  // namespace qh::handover
