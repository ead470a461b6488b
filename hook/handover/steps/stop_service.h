// Stops a service that holds the card, or that goes down with the display manager.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct StopService {
  std::string service;

  static constexpr std::string_view verb = "stop-service";
  static auto fields(auto& s) { return std::tie(s.service); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const StopService&) const = default;
};

}  // namespace qh::handover
