// Binds a device to its VFIO driver, as `virsh nodedev-detach` does.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct BindVfio {
  DeviceState device;

  static constexpr std::string_view verb = "detach";
  static auto fields(auto& s) { return std::tie(s.device); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const BindVfio&) const = default;
};

}  // namespace qh::handover
