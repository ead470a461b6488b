// Binds a device to its VFIO driver, as `virsh nodedev-detach` does.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct BindVfio {
  DeviceState device;

  static constexpr std::string_view verbs[] = {"detach"};
  std::string describe() const;
  std::string line() const;
  static Result<BindVfio> parse(const Words& words);
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const BindVfio&) const = default;
};

}  // namespace qh::handover
