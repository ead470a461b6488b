// One result of a check.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace qh::handover {

enum class Severity { error, warning };

struct Finding {
  std::string check;  // which check: "present", "storage", …; stable, programs read it
  Severity severity = Severity::error;
  std::string device;   // its address; empty for the host as a whole
  std::string message;  // device and reason
  std::string remedy;
  bool reserving_helps = false;  // `--setup GUEST --reserve` is the remedy
};

inline bool has_errors(const std::vector<Finding>& findings) {
  return std::ranges::count(findings, Severity::error, &Finding::severity) > 0;
}

}  // namespace qh::handover
