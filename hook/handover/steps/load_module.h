// Loads a kernel module. Never undone: other guests may use vfio by then.
#pragma once

#include "handover/steps/kind.h"

namespace qh::handover {

struct LoadModule {
  std::string module;

  static constexpr std::string_view verbs[] = {"load-module"};
  std::string describe() const;
  std::string line() const;
  static Result<LoadModule> parse(const Words& words);
  Result<void> run(Ports& ports, const Record& record) const;
  bool operator==(const LoadModule&) const = default;
};

}  // namespace qh::handover
