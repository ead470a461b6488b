// Waits until no process holds the devices. timed_out: the error names who holds what.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct WaitForHolders {
  std::vector<PciAddress> devices;

  static constexpr std::string_view verb = "wait-for-holders";
  static auto fields(auto& s) { return std::tie(s.devices); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  bool operator==(const WaitForHolders&) const = default;
};

}  // namespace qh::handover
