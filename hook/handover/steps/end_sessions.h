// Ends the sessions of the machine's seats that still hold the devices, and these users' remaining
// programs that do. Never undone: nothing can.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct EndSessions {
  std::vector<PciAddress> devices;
  std::vector<std::string> users;  // their numbers: whoever had a session on a seat

  static constexpr std::string_view verb = "end-sessions";
  static auto fields(auto& s) { return std::tie(s.devices, s.users); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  bool operator==(const EndSessions&) const = default;
};

}  // namespace qh::handover
