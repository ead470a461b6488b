// The command line: which options there are, and which were given.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "core/reserve.h"
#include "core/result.h"
#include "host/host.h"

namespace qh::cli {

struct Options;
using Command = Exit(const host::Host& host, const Options& options);

struct Options {
  Command* command = nullptr;            // what is to be done; never null in what parse() gives
  std::string subject;                   // what --query and --completion ask for
  std::string guest;                     // empty where the command needs none
  std::string xml;                       // a file, "-" for stdin; empty: ask libvirt
  std::string device;                    // --query's
  std::string format;                    // --query's "sh", --devices' "dot"; or empty
  std::vector<std::string> addresses;    // --devices', as they were typed
  std::vector<std::string> add, remove;  // addresses as they were typed
  std::optional<Reserve> reserve;        // --setup's
  bool all = false;
  bool dry_run = false;
  bool json = false;
};

enum class Argument {
  none,
  optional,
  required,
  list,
  any_number,
  attached,  // optional, and only behind '='
};

// A row of the command table: a command, or an option of some commands.
struct Row {
  const char* name;  // "--setup"
  Argument argument;
  const char* argument_name;  // "GUEST"; empty for none
  const char* help;
  Command* run;                            // nullptr: an option
  std::array<Command*, 12> commands = {};  // an option's: those that take it
  const char* second = nullptr;            // a command's second, optional argument

  bool is_command() const { return run != nullptr; }
  bool goes_with(const Row& command) const;
};

// All of them, in the order of --help.
std::span<const Row> command_table();

// bad_input: the call is wrong. A guest's name may begin with a dash: what follows a command that takes one
// is it. The exceptions are `--setup --all` and --json; guests of these names are `--setup=--all` and
// `--setup=--json`.
Result<Options> parse(const std::vector<std::string>& arguments);

// Each in the file of its name.
Command setup, check, plan, status, detach, reattach, query, prune, devices, completion, report, version,
    help;

}  // namespace qh::cli
