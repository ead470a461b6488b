#include "cli/options.h"

#include <array>

#include "core/contains.h"
#include "core/text.h"

namespace qh::cli {
namespace {

constexpr std::array table{
    Row{"--setup", Argument::required, "GUEST",
        "make or sync the guest's device conf, and say whether it would work; on a terminal, a guest "
        "without host devices is offered this host's cards",
        nullptr},
    Row{"--check", Argument::optional, "GUEST",
        "say whether its start would work; without one, whether this host is ready", nullptr},
    Row{"--plan", Argument::required, "GUEST", "show each step of its start and its end, with the reason",
        nullptr},
    Row{"--status", Argument::none, "", "show the displays, the guests' devices and who has them", nullptr},
    Row{"--detach", Argument::required, "GUEST",
        "free the guest's devices and detach them, as its start would", nullptr},
    Row{"--reattach", Argument::required, "GUEST", "give the guest's devices back; repairs what a crash left",
        nullptr},
    Row{"--query", Argument::required, "VARIABLE",
        "print what is known of guests and devices, one value a line, for scripts", nullptr, "GUEST"},
    Row{"--prune", Argument::none, "", "put away the confs of guests that libvirt no longer knows", nullptr},
    Row{"--completion", Argument::required, "SHELL", "print the completion for bash, zsh or fish", nullptr},
    Row{"--version", Argument::none, "", "print the version", nullptr},
    Row{"--help", Argument::none, "", "print this", nullptr},
    Row{"--all", Argument::none, "", "every guest that libvirt knows", " --setup "},
    Row{"--add", Argument::list, "ADDRESS",
        "first add these devices of this host to the guest; needs libvirt's daemon", " --setup "},
    Row{"--remove", Argument::list, "ADDRESS", "first take these out of the guest", " --setup "},
    Row{"--reserve", Argument::attached, "LEVEL",
        "make this host's desktops leave the guest's graphics card alone: display (the default), all (other "
        "programs and sound as well) or no",
        " --setup "},
    Row{"--dry-run", Argument::none, "", "say what would be done, print the XML, change nothing",
        " --setup --prune "},
    Row{"--xml", Argument::required, "FILE", "the domain's XML from FILE, - for stdin, instead of libvirt's",
        " --setup --check --plan --detach "},
    Row{"--device", Argument::required, "ADDRESS", "ask about this device alone", " --query "},
    Row{"--format", Argument::required, "FORMAT", "sh: lines name='value' that a shell can eval",
        " --query "},
    Row{"--json", Argument::none, "", "one JSON object on stdout",
        " --setup --check --plan --status --detach --reattach --query --prune --version --help "},
};

const Row* find_row(std::string_view name) {
  for (const auto& row : table)
    if (name == row.name) return &row;
  return nullptr;
}

tl::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::bad_input, std::move(message), "see `qemu-hook --help`");
}

bool is_option(std::string_view word) {
  return word.substr(0, 2) == "--";
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& words) : words_(words) {}

  Result<Options> parse() {
    for (; at_ < words_.size(); ++at_)
      if (auto done = word(); !done) return fail(done.error());
    if (auto done = check(); !done) return fail(done.error());
    return std::move(options_);
  }

 private:
  Result<void> word();
  // The arguments of the row's option: behind '=', or the next words. Moves to the last word used.
  Result<std::vector<std::string>> arguments(const Row& row);
  Result<void> take_command(const Row& row, const std::vector<std::string>& arguments);
  Result<void> take_option(const Row& row, const std::vector<std::string>& arguments);
  Result<void> check() const;
  Result<void> check_setup() const;

  bool more() const { return at_ + 1 < words_.size(); }
  const std::string& next() const { return words_[at_ + 1]; }

  const std::vector<std::string>& words_;
  std::size_t at_ = 0;
  Options options_;
  std::vector<const Row*> given_;
};

Result<void> Parser::word() {
  const std::string& word = words_[at_];
  const Row* row = find_row(word == "-h" ? "--help" : std::string_view(word).substr(0, word.find('=')));
  if (row == nullptr) return wrong("unknown argument " + in_quotes(word));
  const auto values = arguments(*row);
  if (!values) return fail(values.error());
  if (row->is_command()) return take_command(*row, *values);
  return take_option(*row, *values);
}

Result<std::vector<std::string>> Parser::arguments(const Row& row) {
  const std::string missing = std::string(row.name) + " needs " + row.argument_name;
  const auto empty = [&] {
    return wrong(std::string(row.name) + ": the " + row.argument_name + " is empty");
  };
  const auto equals = words_[at_].find('=');
  std::vector<std::string> values;
  if (equals != std::string::npos) {
    if (row.argument == Argument::none) return wrong(std::string(row.name) + " takes no argument");
    values.push_back(words_[at_].substr(equals + 1));
  } else if (row.argument == Argument::required) {
    // `--setup --all` is about all guests, not about one named "--all"; and where --json follows, the
    // argument was forgotten.
    const bool left_out = !more() || next() == "--json";
    if (row.name == std::string_view("--setup") && (left_out || next() == "--all")) return values;
    if (left_out) return wrong(missing);
    values.push_back(words_[++at_]);
  } else if (row.argument == Argument::optional && more() && !is_option(next())) {
    values.push_back(words_[++at_]);
  } else if (row.argument == Argument::list) {
    while (more() && !is_option(next())) values.push_back(words_[++at_]);
    if (values.empty()) return wrong(missing);
  }
  if (row.second != nullptr && more() && !is_option(next())) values.push_back(words_[++at_]);
  if (contains(values, "") && row.argument != Argument::optional) return empty();
  return values;
}

Result<void> Parser::take_command(const Row& row, const std::vector<std::string>& arguments) {
  if (!options_.command.empty()) return wrong(options_.command + " and " + row.name + " do not go together");
  options_.command = row.name;
  if (arguments.empty()) return {};
  const bool names_guest = row.argument_name == std::string_view("GUEST");
  (names_guest ? options_.guest : options_.subject) = arguments.front();
  if (arguments.size() > 1) options_.guest = arguments.back();
  return {};
}

Result<void> Parser::take_option(const Row& row, const std::vector<std::string>& arguments) {
  given_.push_back(&row);
  const std::string_view name = row.name;
  if (name == "--json") options_.json = true;
  if (name == "--all") options_.all = true;
  if (name == "--dry-run") options_.dry_run = true;
  if (name == "--xml") options_.xml = arguments.front();
  if (name == "--device") options_.device = arguments.front();
  if (name == "--format") options_.format = arguments.front();
  auto* list = name == "--add" ? &options_.add : name == "--remove" ? &options_.remove : nullptr;
  if (list != nullptr) list->insert(list->end(), arguments.begin(), arguments.end());
  if (name != "--reserve") return {};
  const std::string level = arguments.empty() ? "display" : arguments.front();
  for (const auto known : {Reserve::no, Reserve::display, Reserve::all})
    if (level == to_string(known)) options_.reserve = known;
  if (!options_.reserve)
    return wrong("--reserve cannot be " + in_quotes(level) + ", only display, all or no");
  return {};
}

Result<void> Parser::check() const {
  const std::string& command = options_.command;
  if (command.empty()) return wrong("nothing to do");
  for (const Row* row : given_)
    if (!row->goes_with_command(command))
      return wrong(std::string(row->name) + " does not go with " + command);
  if (!options_.xml.empty() && options_.guest.empty()) return wrong("--xml needs the name of a guest");
  if (command == "--setup") return check_setup();
  if (!options_.format.empty() && options_.format != "sh")
    return wrong("--format cannot be " + in_quotes(options_.format) + ", only sh");
  if (!options_.format.empty() && options_.json) return wrong("--format and --json do not go together");
  return {};
}

Result<void> Parser::check_setup() const {
  const bool changes = !options_.add.empty() || !options_.remove.empty();
  if (options_.guest.empty() && !options_.all) return wrong("--setup needs GUEST or --all");
  if (options_.all && (!options_.guest.empty() || changes || options_.reserve))
    return wrong("--all does not go with one guest");
  if (changes && !options_.xml.empty())
    return wrong("--add and --remove change libvirt's guest, so they do not go with --xml");
  return {};
}

std::string call_of(const Row& row) {
  const std::string argument = row.argument_name;
  std::string call = row.name;
  if (row.argument == Argument::required) call += " " + argument;
  if (row.argument == Argument::optional) call += " [" + argument + "]";
  if (row.argument == Argument::attached) call += "[=" + argument + "]";
  if (row.argument == Argument::list) call += " " + argument + "...";
  if (row.second != nullptr) call += std::string(" [") + row.second + "]";
  return call;
}

}  // namespace

bool Row::goes_with_command(std::string_view command) const {
  return goes_with != nullptr &&
         std::string_view(goes_with).find(" " + std::string(command) + " ") != std::string_view::npos;
}

std::span<const Row> command_table() {
  return table;
}

Result<Options> parse(const std::vector<std::string>& words) {
  return Parser(words).parse();
}

std::string help_text() {
  constexpr std::size_t help_column = 29, screen = 80;
  std::string text =
      "qemu-hook hands PCI devices of this host to libvirt guests and takes them back.\n"
      "libvirt runs it by itself at each start and end of a guest. By hand:\n\n"
      "  qemu-hook COMMAND [OPTION]...\n\n";
  for (const bool command : {true, false}) {
    text += command ? "commands:\n" : "\noptions:\n";
    for (const auto& row : table) {
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

}  // namespace qh::cli
