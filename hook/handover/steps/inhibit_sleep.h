// Keeps the host from sleeping, with a transient systemd unit.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct InhibitSleep {
  std::string unit;

  static constexpr std::string_view verb = "inhibit-sleep";
  static auto fields(auto& s) { return std::tie(s.unit); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const InhibitSleep&) const = default;
};

}  // namespace qh::handover
