// Loads a kernel module. Never undone: other guests may use vfio by then.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct LoadModule {
  std::string module;

  static constexpr std::string_view verb = "load-module";
  static auto fields(auto& s) { return std::tie(s.module); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  bool operator==(const LoadModule&) const = default;
};

}  // namespace qh::handover
