#include "cli/cli.h"

#include <csignal>
#include <exception>

#include "cli/options.h"
#include "cli/output.h"
#include "core/contains.h"

namespace qh::cli {
namespace {

Exit run_command(const host::Host& host, const std::vector<std::string>& arguments) {
  const auto options = parse(arguments);
  if (!options) {
    Options none;
    none.json = contains(arguments, "--json");
    return failed(none, options.error(), Exit::wrong_call);
  }
  try {
    return options->command(host, *options);
  } catch (const std::exception& e) {
    // Memory ran out, most likely. What was begun stands in the journal.
    return failed(*options, {ErrorKind::failed, std::string("BUG or out of memory: ") + e.what()});
  }
}

}  // namespace

int run(const host::Host& host, const std::vector<std::string>& arguments) {
  // A terminal that is closed (ssh) must not end a handover half-way.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  return static_cast<int>(run_command(host, arguments));
}

}  // namespace qh::cli
