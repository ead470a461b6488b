// The command line: what can be said, and what was.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace qh::cli {

struct Options {
  std::string command;  // "--setup", …
  std::string guest;    // empty where the command needs none
  std::string xml;      // a file, "-" for stdin; empty: ask libvirt
  bool json = false;
};

enum class Argument { none, optional, required };

// A row of the command table: one that says what to do, or one that says how.
struct Row {
  const char* name;  // "--setup"
  Argument argument;
  const char* argument_name;  // "GUEST"; empty for none
  const char* help;
  bool is_command;
};

// All of them, in the order of --help.
std::span<const Row> command_table();

// bad_input: the call is wrong. A guest's name may begin with a dash: what follows a command that takes one
// is it.
Result<Options> parse(const std::vector<std::string>& arguments);

std::string help_text();

}  // namespace qh::cli
