#include "cli/cli.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/output.h"
#include "core/contains.h"

namespace qh::cli {

namespace {

int version(const Options& options) {
  if (options.json)
    print_json({{"version", QH_VERSION}});
  else
    std::fputs("qemu-hook " QH_VERSION "\n", stdout);
  return done;
}

int help(const Options& options) {
  if (options.json)
    print_json({{"help", help_text()}});
  else
    std::fputs(help_text().c_str(), stdout);
  return done;
}

int run_command(const std::string& root, const Options& options) {
  const std::string& command = options.command;
  if (command == "--check") return check(root, options);
  if (command == "--plan") return plan(root, options);
  if (command == "--status") return status(root, options);
  if (command == "--setup") return setup(root, options);
  if (command == "--detach") return detach(root, options);
  if (command == "--reattach") return reattach(root, options);
  if (command == "--query") return query(root, options);
  if (command == "--prune") return prune(root, options);
  if (command == "--completion") return completion(root, options);
  if (command == "--version") return version(options);
  return help(options);
}

}  // namespace

int run(const std::string& root, const std::vector<std::string>& arguments) {
  // A terminal that is closed (ssh) must not end a handover half-way.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);

  auto options = parse(arguments);
  if (!options) {
    const Error error = options.error();
    options = Options{};
    options->json = contains(arguments, "--json");
    return failed(*options, error, wrong_call);
  }
  try {
    return run_command(root, *options);
  } catch (const std::exception& e) {
    // Memory ran out, most likely. What was begun stands in the journal.
    return failed(*options, {ErrorKind::failed, std::string("BUG or out of memory: ") + e.what()});
  }
}

}  // namespace qh::cli
