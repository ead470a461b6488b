#include "cli/cli.h"

#include <csignal>
#include <cstdio>

#include "cli/commands.h"
#include "cli/output.h"

namespace qh::cli {

int run(const std::string& root, const std::vector<std::string>& arguments) {
  // A terminal that is closed (ssh) must not end a handover half-way.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);

  const auto options = parse(arguments);
  if (!options) {
    print_errors({options.error()});
    return wrong_call;
  }
  const std::string& command = options->command;
  if (command == "--check") return check(root, *options);
  if (command == "--plan") return plan(root, *options);
  if (command == "--status") return status(root, *options);
  if (command == "--setup") return setup(root, *options);
  if (command == "--detach") return detach(root, *options);
  if (command == "--reattach") return reattach(root, *options);
  if (command == "--query") return query(root, *options);
  if (command == "--prune") return prune(root, *options);
  if (command == "--completion") return completion(root, *options);
  std::fputs(command == "--version" ? "qemu-hook " QH_VERSION "\n" : help_text().c_str(), stdout);
  return done;
}

}  // namespace qh::cli
