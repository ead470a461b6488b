// Stops the display manager.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct StopDisplayManager {
  std::string service;
  std::vector<PciAddress> cards;  // those that have a DRM node

  static constexpr std::string_view verb = "stop-display-manager";
  static auto fields(auto& s) { return std::tie(s.service, s.cards); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  // Once the cards have their DRM nodes; without them only where the host has another card to show it on.
  Result<void> undo(Ports& ports) const;
  bool operator==(const StopDisplayManager&) const = default;
};

}  // namespace qh::handover
