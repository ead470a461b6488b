// Unbinds the firmware's frame buffer from its driver.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct UnbindFramebuffer {
  std::string driver;
  std::string device;
  PciAddress card;

  static constexpr std::string_view verb = "unbind-framebuffer";
  static auto fields(auto& s) { return std::tie(s.driver, s.device, s.card); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  // A frame buffer that does not come back before the next boot is a warning.
  Result<void> undo(Ports& ports) const;
  bool operator==(const UnbindFramebuffer&) const = default;
};

}  // namespace qh::handover
