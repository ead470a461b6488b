#include "cli/progress.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <thread>

#include "core/text.h"

namespace qh::cli {
namespace {

constexpr Milliseconds moment{300};
constexpr char clear_line[] = "\r\033[K";

[[noreturn]] void write_on(const std::string& text, std::optional<Milliseconds> limit) {
  const Deadline deadline(limit.value_or(Milliseconds{0}));
  for (auto pause = moment;; pause = Milliseconds{1000}) {
    std::this_thread::sleep_for(pause);
    ::dprintf(STDOUT_FILENO, "%s  %s ...", clear_line, text.c_str());
    if (limit)
      ::dprintf(STDOUT_FILENO, " %lld s left", static_cast<long long>(deadline.left().count() / 1000));
  }
}

}  // namespace

bool is_watched(const Options& options) {
  return !options.json && ::isatty(STDOUT_FILENO) != 0;
}

Progress::Progress(const std::string& text, std::optional<Milliseconds> limit) {
  std::fflush(stdout);
  const std::string line = printable(text);
  writer_ = ::fork();
  if (writer_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);  // the journal's lock is not kept by this one
  write_on(line, limit);
}

Progress::~Progress() {
  if (writer_ < 0) return;
  ::kill(writer_, SIGKILL);
  while (::waitpid(writer_, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (watch_.elapsed() >= moment) ::dprintf(STDOUT_FILENO, clear_line);
}

}  // namespace qh::cli
