// Keeps the host from sleeping, with a transient systemd unit.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct InhibitSleep {
  std::string unit;

  static constexpr std::string_view verbs[] = {"inhibit-sleep"};
  std::string describe() const;
  std::string line() const;
  static Result<InhibitSleep> parse(const Words& words);
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const InhibitSleep&) const = default;
};

}  // namespace qh::handover
