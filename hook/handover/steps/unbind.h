// Makes the host driver let go of a device.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct Unbind {
  DeviceState device;

  static constexpr std::string_view verbs[] = {"unbind"};
  std::string describe() const;
  std::string line() const;
  static Result<Unbind> parse(const Words& words);
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const Unbind&) const = default;
};

}  // namespace qh::handover
