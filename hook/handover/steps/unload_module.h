// Unloads a module of the card's driver.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

// One without whose unloading the driver does not let go of the card.
struct UnloadModule {
  std::string module;

  static constexpr std::string_view verb = "unload-module";
  static auto fields(auto& s) { return std::tie(s.module); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const UnloadModule&) const = default;
};

// One that does no harm if it stays.
struct UnloadModuleIfFree : UnloadModule {
  static constexpr std::string_view verb = "unload-module-if-free";
  Result<void> run(Ports& ports, const Record& record) const;
  bool operator==(const UnloadModuleIfFree&) const = default;
};

}  // namespace qh::handover
