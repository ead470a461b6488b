// One line on the terminal that says what goes on.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "cli/options.h"
#include "core/deadline.h"

namespace qh::cli {

// Whether somebody looks at what the command prints.
bool is_watched(const Options& options);

// Shown while it lives, unless that is for a moment only; then the line is empty again. A process of its own
// writes it, since this one waits for a driver, a service or the daemon meanwhile.
class Progress {
 public:
  // `limit`: how much time it has at most; the rest of that is shown, and counts down.
  Progress(const std::string& text, std::optional<Milliseconds> limit);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

 private:
  pid_t writer_;
  Stopwatch watch_;
};

}  // namespace qh::cli
