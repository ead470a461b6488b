// Makes the host driver let go of a device.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct Unbind {
  DeviceState device;

  static constexpr std::string_view verb = "unbind";
  static auto fields(auto& s) { return std::tie(s.device); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const Unbind&) const = default;
};

}  // namespace qh::handover
