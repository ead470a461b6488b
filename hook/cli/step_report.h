// What --detach and --reattach tell: each step as it goes, and how it ended.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/output.h"
#include "cli/progress.h"
#include "host/log.h"

namespace qh::cli {

class StepReport {
 public:
  StepReport(const host::Host& host, const Options& options);
  StepReport(const StepReport&) = delete;
  StepReport& operator=(const StepReport&) = delete;

  // Adds to the object how it ended, and gives the exit status.
  Exit finish(nlohmann::ordered_json object, const std::vector<Error>& errors);

  host::Log log;

 private:
  const Options& options_;
  nlohmann::ordered_json steps_ = nlohmann::ordered_json::array();
  std::optional<Progress> progress_;
};

}  // namespace qh::cli
