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

int run_command(const host::Host& host, const Options& options) {
  const std::string& command = options.command;
  if (command == "--check") return check(host, options);
  if (command == "--plan") return plan(host, options);
  if (command == "--status") return status(host, options);
  if (command == "--setup") return setup(host, options);
  if (command == "--detach") return detach(host, options);
  if (command == "--reattach") return reattach(host, options);
  if (command == "--query") return query(host, options);
  if (command == "--prune") return prune(host, options);
  if (command == "--completion") return completion(host, options);
  if (command == "--version") return version(options);
  return help(options);
}

}  // namespace

int run(const host::Host& host, const std::vector<std::string>& arguments) {
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
    return run_command(host, *options);
  } catch (const std::exception& e) {
    // Memory ran out, most likely. What was begun stands in the journal.
    return failed(*options, {ErrorKind::failed, std::string("BUG or out of memory: ") + e.what()});
  }
}

}  // namespace qh::cli
