#include "cli/options.h"

#include <algorithm>
#include <array>

#include "core/text.h"

namespace qh::cli {
namespace {

constexpr std::array table{
    Row{"--setup", Argument::required, "GUEST",
        "make or sync the guest's device conf, and say whether it would work", true},
    Row{"--check", Argument::optional, "GUEST",
        "say whether its start would work; without one, whether this host is ready", true},
    Row{"--plan", Argument::required, "GUEST", "show each step of its start and its end, with the reason",
        true},
    Row{"--status", Argument::none, "", "show the displays, the guests' devices and who has them", true},
    Row{"--detach", Argument::required, "GUEST",
        "free the guest's devices and detach them, as its start would", true},
    Row{"--reattach", Argument::required, "GUEST", "give the guest's devices back; repairs what a crash left",
        true},
    Row{"--version", Argument::none, "", "print the version", true},
    Row{"--help", Argument::none, "", "print this", true},
    Row{"--xml", Argument::required, "FILE", "the domain's XML from FILE, - for stdin, instead of libvirt's",
        false},
    Row{"--json", Argument::none, "", "one JSON object on stdout", false},
};

const Row* find_row(std::string_view name) {
  for (const auto& row : table)
    if (name == row.name) return &row;
  return nullptr;
}

tl::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::bad_input, std::move(message), "see `qemu-hook --help`");
}

// The argument of the option at `at`: behind '=', or the next word. Moves `at` to the last word used.
Result<std::string> argument_of(const Row& row, const std::vector<std::string>& words, std::size_t& at) {
  const auto equals = words[at].find('=');
  if (equals != std::string::npos) {
    if (row.argument == Argument::none) return wrong(std::string(row.name) + " takes no argument");
    return words[at].substr(equals + 1);
  }
  const bool more = at + 1 < words.size();
  if (row.argument == Argument::required) {
    if (!more) return wrong(std::string(row.name) + " needs " + row.argument_name);
    return words[++at];
  }
  if (row.argument == Argument::optional && more && words[at + 1].substr(0, 2) != "--") return words[++at];
  return std::string();
}

Result<void> take(Options& options, const Row& row, const std::string& argument) {
  if (row.is_command) {
    if (!options.command.empty()) return wrong(options.command + " and " + row.name + " do not go together");
    options.command = row.name;
    options.guest = argument;
  } else if (std::string_view(row.name) == "--xml") {
    options.xml = argument;
  } else {
    options.json = true;
  }
  if (row.argument == Argument::required && argument.empty())
    return wrong(std::string(row.name) + ": the " + row.argument_name + " is empty");
  return {};
}

}  // namespace

std::span<const Row> command_table() {
  return table;
}

Result<Options> parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    const Row* row = find_row(word == "-h" ? "--help" : std::string_view(word).substr(0, word.find('=')));
    if (row == nullptr) return wrong("unknown argument " + in_quotes(word));
    const auto argument = argument_of(*row, words, at);
    if (!argument) return fail(argument.error());
    if (auto taken = take(options, *row, *argument); !taken) return fail(taken.error());
  }
  if (options.command.empty()) return wrong("nothing to do");
  const bool reads_xml = options.command == "--setup" || options.command == "--check" ||
                         options.command == "--plan" || options.command == "--detach";
  if (!options.xml.empty() && (!reads_xml || options.guest.empty()))
    return wrong("--xml goes with a guest's --setup, --check, --plan or --detach");
  return options;
}

std::string help_text() {
  std::string text =
      "qemu-hook hands PCI devices of this host to libvirt guests and takes them back.\n"
      "libvirt runs it by itself at each start and end of a guest. By hand:\n\n";
  for (const bool command : {true, false}) {
    for (const auto& row : table) {
      if (row.is_command != command) continue;
      std::string call = std::string("  ") + (command ? "qemu-hook " : "          ") + row.name;
      if (row.argument == Argument::required) call += std::string(" ") + row.argument_name;
      if (row.argument == Argument::optional) call += std::string(" [") + row.argument_name + "]";
      call.resize(std::max<std::size_t>(call.size() + 2, 32), ' ');
      text += call + row.help + "\n";
    }
    text += "\n";
  }
  return text +
         "Exit status: 0 done, 1 refused or failed (the reason is on stderr), 2 wrong call.\n"
         "What was done and when: journalctl -t qemu-hook\n";
}

}  // namespace qh::cli
