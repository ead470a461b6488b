// Unbinds a text console from its frame buffer.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct UnbindConsole {
  std::string console;            // "vtcon1"
  std::vector<PciAddress> cards;  // on which it may show

  static constexpr std::string_view verb = "unbind-console";
  static auto fields(auto& s) { return std::tie(s.console, s.cards); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  // A console that the kernel cannot bring back is a warning.
  Result<void> undo(Ports& ports) const;
  bool operator==(const UnbindConsole&) const = default;
};

}  // namespace qh::handover
