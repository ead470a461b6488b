// Unloads a module of the card's driver.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct UnloadModule {
  std::string module;
  bool is_required = false;  // without it the driver does not let go of the card

  static constexpr std::string_view verbs[] = {"unload-module", "unload-module-if-free"};
  std::string describe() const;
  std::string line() const;
  static Result<UnloadModule> parse(const Words& words);
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const UnloadModule&) const = default;
};

}  // namespace qh::handover
