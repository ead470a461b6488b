// Ends NVIDIA's persistence mode, which keeps the driver on the card without any process.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct EndPersistence {
  PciAddress card;

  static constexpr std::string_view verb = "end-persistence";
  static auto fields(auto& s) { return std::tie(s.card); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const EndPersistence&) const = default;
};

}  // namespace qh::handover
