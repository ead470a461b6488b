// The command line: what can be said, and what was.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/reserve.h"
#include "core/result.h"

namespace qh::cli {

struct Options {
  std::string command;                   // "--setup", …
  std::string subject;                   // what --query and --completion ask for
  std::string guest;                     // empty where the command needs none
  std::string xml;                       // a file, "-" for stdin; empty: ask libvirt
  std::string device;                    // --query's
  std::string format;                    // --query's: empty or "sh"
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
  attached,  // optional, and only behind '='
};

// A row of the command table: one that says what to do, or one that says how.
struct Row {
  const char* name;  // "--setup"
  Argument argument;
  const char* argument_name;  // "GUEST"; empty for none
  const char* help;
  const char* goes_with;  // of an option: the commands that take it, between blanks; nullptr: a command
  const char* second = nullptr;  // a command's second, optional argument

  bool is_command() const { return goes_with == nullptr; }
  bool goes_with_command(std::string_view command) const;
};

// All of them, in the order of --help.
std::span<const Row> command_table();

// bad_input: the call is wrong. A guest's name may begin with a dash: what follows a command that takes one
// is it. The exceptions are `--setup --all` and --json; guests of these names are `--setup=--all` and
// `--setup=--json`.
Result<Options> parse(const std::vector<std::string>& arguments);

// At most 80 columns wide.
std::string help_text();

}  // namespace qh::cli
