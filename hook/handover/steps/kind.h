// What every kind of step is made of. Each is a struct in the file of its name, with
//
//   verb             the first word of its line in the journal, which stays as it is for ever
//   fields()         what follows in that line: its members, of types that line.h knows
//   describe()       "unbind 0000:01:00.0 from nvidia"
//   run()            does it, and brings what it is about to its state from whatever state that is in
//   describe_undo()  what giving back does about it: "start gdm.service"
//   undo()           does that; may be repeated. A kind without these two is never undone
//
// and the list of all kinds is in step.h.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/pci_address.h"
#include "core/result.h"

namespace qh::handover {

struct Ports;
struct Record;

// How a device stood on the host before it was touched; what giving it back restores.
struct DeviceState {
  PciAddress address;
  std::string host_driver;      // empty: it had none
  std::string driver_override;  // empty: none was set

  bool operator==(const DeviceState&) const = default;
};
}  // namespace qh::handover
