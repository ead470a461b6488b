#include "cli/options.h"

#include <algorithm>
#include <array>

#include "core/contains.h"
#include "core/text.h"

namespace qh::cli {
namespace {

template <class... Commands>
constexpr std::array<Command*, 12> of(Commands*... commands) {
  return {commands...};
}

constexpr std::array command_rows{
    Row{"--setup", Argument::required, "GUEST",
        "make or update the guest's device conf, and say whether a start would work; on a terminal, "
        "offer this host's cards to a guest that has none",
        setup},
    Row{"--check", Argument::optional, "GUEST",
        "say whether a start would work; without GUEST, whether this host is ready", check},
    Row{"--plan", Argument::required, "GUEST", "show each step of the guest's start and end, with the reason",
        plan},
    Row{"--status", Argument::none, "", "show the displays, the guests' devices and who has them", status},
    Row{"--devices", Argument::any_number, "ADDRESS",
        "list this host's cards by IOMMU group, and whether a guest could have them; of each ADDRESS "
        "everything, with the reasons",
        devices},
    Row{"--detach", Argument::required, "GUEST",
        "free the guest's devices and detach them, as its start would", detach},
    Row{"--reattach", Argument::required, "GUEST", "give the guest's devices back; repairs what a crash left",
        reattach},
    Row{"--query", Argument::required, "VARIABLE",
        "print facts about guests and devices for scripts, one value per line", query, of(), "GUEST"},
    Row{"--prune", Argument::none, "",
        "remove the confs of guests that libvirt no longer knows; keep backups", prune},
    Row{"--report", Argument::optional, "GUEST",
        "make one file to attach to an issue: what --check, --plan, --status and --devices say, and what "
        "they read; passwords, serial numbers, MAC addresses and names of users and hosts are replaced",
        report},
    Row{"--completion", Argument::required, "SHELL", "print the completion for bash, zsh or fish",
        completion},
    Row{"--version", Argument::none, "", "print the version", version},
    Row{"--help", Argument::none, "", "print this", help},
    Row{"--all", Argument::none, "", "every guest that libvirt knows", nullptr, of(setup)},
    Row{"--add", Argument::list, "ADDRESS",
        "first add these devices of this host to the guest; needs libvirt's daemon", nullptr, of(setup)},
    Row{"--remove", Argument::list, "ADDRESS", "first remove these devices from the guest", nullptr,
        of(setup)},
    Row{"--reserve", Argument::attached, "LEVEL",
        "make this host's desktops leave the guest's graphics card alone: display (the default), all (other "
        "programs and sound as well) or no",
        nullptr, of(setup)},
    Row{"--dry-run", Argument::none, "", "say what would be done, print the XML, change nothing", nullptr,
        of(setup, prune)},
    Row{"--xml", Argument::required, "FILE",
        "read the domain's XML from FILE (- for stdin) instead of asking libvirt", nullptr,
        of(setup, check, plan, detach)},
    Row{"--device", Argument::required, "ADDRESS", "ask about this device alone", nullptr, of(query)},
    Row{"--format", Argument::required, "FORMAT",
        "sh: print lines name='value' that a shell can eval; dot: print a picture for Graphviz", nullptr,
        of(query, devices)},
    Row{"--json", Argument::none, "", "print one JSON object on stdout", nullptr,
        of(setup, check, plan, status, devices, detach, reattach, query, prune, report, version, help)},
};

const Row* find_row(std::string_view name) {
  for (const auto& row : command_rows)
    if (name == row.name) return &row;
  return nullptr;
}

tl::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::bad_input, std::move(message), "see `qemu-hook --help`");
}

bool is_option(std::string_view word) {
  return word.starts_with("--");
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
  const Row* command_ = nullptr;
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
    if (row.run == setup && (left_out || next() == "--all")) return values;
    if (left_out) return wrong(missing);
    values.push_back(words_[++at_]);
  } else if (row.argument == Argument::optional && more() && !is_option(next())) {
    values.push_back(words_[++at_]);
  } else if (row.argument == Argument::list || row.argument == Argument::any_number) {
    while (more() && !is_option(next())) values.push_back(words_[++at_]);
    if (values.empty() && row.argument == Argument::list) return wrong(missing);
  }
  if (row.second != nullptr && more() && !is_option(next())) values.push_back(words_[++at_]);
  if (contains(values, "") && row.argument != Argument::optional) return empty();
  return values;
}

Result<void> Parser::take_command(const Row& row, const std::vector<std::string>& arguments) {
  if (command_ != nullptr)
    return wrong(std::string(command_->name) + " and " + row.name + " cannot be used together");
  command_ = &row;
  options_.command = row.run;
  if (row.argument == Argument::any_number) options_.addresses = arguments;
  if (arguments.empty() || row.argument == Argument::any_number) return {};
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
  if (command_ == nullptr) return wrong("no command given");
  for (const Row* row : given_)
    if (!row->goes_with(*command_))
      return wrong(std::string(row->name) + " cannot be used with " + command_->name);
  if (!options_.xml.empty() && options_.guest.empty()) return wrong("--xml needs the name of a guest");
  if (command_->run == setup) return check_setup();
  const std::string format = command_->run == devices ? "dot" : "sh";
  if (!options_.format.empty() && options_.format != format)
    return wrong("--format cannot be " + in_quotes(options_.format) + ", only " + format);
  if (!options_.format.empty() && options_.json) return wrong("--format and --json cannot be used together");
  return {};
}

Result<void> Parser::check_setup() const {
  const bool changes = !options_.add.empty() || !options_.remove.empty();
  if (options_.guest.empty() && !options_.all) return wrong("--setup needs GUEST or --all");
  if (options_.all && (!options_.guest.empty() || changes || options_.reserve))
    return wrong("--all cannot be used with one guest");
  if (changes && !options_.xml.empty())
    return wrong("--add and --remove change libvirt's guest, so they cannot be used with --xml");
  return {};
}

}  // namespace

bool Row::goes_with(const Row& command) const {
  return std::find(commands.begin(), commands.end(), command.run) != commands.end();
}

std::span<const Row> command_table() {
  return command_rows;
}

Result<Options> parse(const std::vector<std::string>& words) {
  return Parser(words).parse();
}

}  // namespace qh::cli
