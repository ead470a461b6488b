// qemu-hook --help
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "core/text.h"

namespace qh::cli {
namespace {

std::string call_of(const Row& row) {
  const std::string argument = row.argument_name;
  std::string call = row.name;
  if (row.argument == Argument::required) call += " " + argument;
  if (row.argument == Argument::optional) call += " [" + argument + "]";
  if (row.argument == Argument::attached) call += "[=" + argument + "]";
  if (row.argument == Argument::any_number) call += " [" + argument + "]...";
  if (row.argument == Argument::list) call += " " + argument + "...";
  if (row.second != nullptr) call += std::string(" [") + row.second + "]";
  return call;
}

// At most 80 columns wide.
std::string help_text() {
  constexpr std::size_t help_column = 29;
  std::string text =
      "qemu-hook hands PCI devices of this host to libvirt guests and takes them back.\n"
      "libvirt runs it by itself at each start and end of a guest. By hand:\n\n"
      "  qemu-hook COMMAND [OPTION]...\n\n";
  for (const bool command : {true, false}) {
    text += command ? "commands:\n" : "\noptions:\n";
    for (const auto& row : command_table()) {
      if (row.is_command() != command) continue;
      std::string line = "  " + call_of(row);
      for (const auto& part : wrapped(row.help, screen - help_column)) {
        if (line.size() >= help_column) {
          text += line + "\n";
          line.clear();
        }
        line.resize(help_column, ' ');
        text += line + part + "\n";
        line.clear();
      }
    }
  }
  return text +
         "\nExit status: 0 done, 1 refused or failed (the reason is on stderr), 2 wrong\n"
         "call. What was done and when: journalctl -t qemu-hook\n"
         "What VARIABLE can be: `qemu-hook --query help`\n";
}

}  // namespace

Exit help(const host::Host& /*host*/, const Options& options) {
  const std::string text = help_text();
  return print(options, {{"help", text}}, text);
}

}  // namespace qh::cli
