#include "cli/step_report.h"

#include <cstdio>

#include "core/text.h"

namespace qh::cli {

StepReport::StepReport(const host::Host& host, const Options& options)
    : log(host, options.guest), options_(options) {
  log.listener = [this](int priority, const std::string& text) {
    progress_.reset();
    if (priority <= LOG_ERR) return;  // told at the end, with the hint
    if (options_.json)
      steps_.push_back(text);
    else
      std::printf("  %s%s\n", priority <= LOG_WARNING ? "warning: " : "", printable(text).c_str());
    std::fflush(stdout);
  };
  if (is_watched(options))
    log.on_begin = [this](const std::string& text, Milliseconds limit) {
      progress_.reset();
      progress_.emplace(text, limit);
    };
}

Exit StepReport::finish(nlohmann::ordered_json object, const std::vector<Error>& errors) {
  progress_.reset();
  for (const auto& e : errors) log.error(e.message);
  if (options_.json) {
    object["ok"] = errors.empty();
    object["steps"] = std::move(steps_);
    object["errors"] = to_json(errors);
    if (!errors.empty()) object["error"] = to_json(errors.front());
    print_json(object);
  }
  return end_with(errors);
}

}  // namespace qh::cli
