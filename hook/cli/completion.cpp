// qemu-hook --completion SHELL: made from the command table, so that no shell knows less than the program.
#include <cstdio>
#include <set>

#include "cli/known_guests.h"
#include "cli/output.h"
#include "cli/variables.h"
#include "core/text.h"
#include "host/pci/pci_device.h"
#include "host/pci/pci_ids.h"

namespace qh::cli {
namespace {

// What completes an argument: a list that the program prints, files, or fixed words.
std::string words_for(std::string_view argument) {
  if (argument == "GUEST") return "guests";
  if (argument == "ADDRESS") return "addresses";
  if (argument == "VARIABLE") return "variables";
  return "";
}
std::string fixed_words(std::string_view argument) {
  return argument == "SHELL"    ? "bash zsh fish"
         : argument == "FORMAT" ? "sh dot"
         : argument == "LEVEL"  ? "display all no"
                                : "";
}

// The names of those rows of the command table that `belongs` is true of.
template <class Belongs>
std::string names_where(const Belongs& belongs, std::string_view separator = " ") {
  std::vector<std::string> found;
  for (const auto& row : command_table())
    if (belongs(row)) found.emplace_back(row.name);
  return join(found, separator);
}

bool is_command(const Row& row) {
  return row.is_command();
}

std::string bash_words(const std::string& words) {
  return "mapfile -t COMPREPLY < <(compgen -W '" + words + "' -- \"$current\")";
}
std::string bash_argument(std::string_view argument) {
  if (const auto list = words_for(argument); !list.empty())
    return "_qemu_hook_list " + list + " \"$current\"";
  if (argument == "FILE") return "mapfile -t COMPREPLY < <(compgen -f -- \"$current\")";
  return bash_words(fixed_words(argument));
}

// Guests' names may hold blanks and worse: one a line, and quoted as the shell wants it.
std::string bash() {
  std::string text = R"sh(# bash completion for qemu-hook, printed by `qemu-hook --completion bash`
_qemu_hook_list() {
    local IFS=$'\n' word
    COMPREPLY=()
    for word in $(qemu-hook --completion "$1" 2>/dev/null | cut -f1); do
        [[ $word != "$2"* ]] || COMPREPLY+=("$(printf %q "$word")")
    done
}
_qemu_hook() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command='' i
    # ':' parts words, as an address has them: its parts are put together again.
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n : -c current -p before
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
)sh";
  text += "            " + names_where(is_command, "|") +
          ") command=${COMP_WORDS[i]} ;;\n        esac\n    done\n" +
          R"sh(    # '=' parts words as well.
    local attached=''
    [[ $before != = ]] || attached=${COMP_WORDS[COMP_CWORD - 2]}
    [[ $current != = ]] || attached=$before current=''
    case $attached in
)sh";
  for (const auto& row : command_table())
    if (row.argument == Argument::attached)
      text +=
          std::string("        ") + row.name + ") " + bash_argument(row.argument_name) + " && return ;;\n";
  text += "    esac\n    case $before in\n";
  for (const auto& row : command_table())
    if (row.argument != Argument::none && row.argument != Argument::attached)
      text += std::string("        ") + row.name + ") " + bash_argument(row.argument_name) + " ;;\n";
  text += "        *)\n            case $command in\n";
  for (const auto& row : command_table()) {
    if (!row.is_command()) continue;
    std::string reply = bash_words(names_where([&](const Row& option) { return option.goes_with(row); }));
    if (row.second != nullptr)
      reply = "if [[ $current != -* ]]; then " + bash_argument(row.second) + "; else " + reply + "; fi";
    text += std::string("                ") + row.name + ") " + reply + " ;;\n";
  }
  text += "                *) " + bash_words(names_where(is_command)) + " ;;\n";
  return text + R"sh(            esac
            # The next address of a list.
            for ((i = COMP_CWORD - 1; i > 0; i--)); do
                case ${COMP_WORDS[i]} in
                    --add | --remove | --devices)
                        [[ $current == -* ]] || _qemu_hook_list addresses "$current"
                        break
                        ;;
                    --*) break ;;
                esac
            done
            ;;
    esac
    if declare -F __ltrimcolonstr >/dev/null; then __ltrimcolonstr "$current"; fi
    if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$current"; fi
}
complete -F _qemu_hook qemu-hook
)sh";
}

// zsh's _arguments takes [ ] : for its own.
std::string escaped_for_zsh(std::string_view text) {
  std::string out;
  for (const char c : text) out += (c == '[' || c == ']' || c == ':' ? "\\" : "") + std::string(1, c);
  return out;
}

std::string zsh_argument(const Row& row) {
  if (row.argument == Argument::none) return "";
  const std::string name = row.argument_name;
  const std::string list = words_for(name);
  const std::string action = !list.empty()    ? "_qemu_hook_list " + list
                             : name == "FILE" ? "_files"
                                              : "(" + fixed_words(name) + ")";
  // A list goes on until the next option.
  const char* separator = row.argument == Argument::optional || row.argument == Argument::attached ? "::"
                          : row.argument == Argument::list || row.argument == Argument::any_number ? ":*-*:"
                                                                                                   : ":";
  return separator + name + ":" + action;
}

std::string zsh() {
  std::string text = R"sh(#compdef qemu-hook
# zsh completion for qemu-hook, printed by `qemu-hook --completion zsh`
_qemu_hook_list() { # what _arguments wants to tell compadd comes before the list's name
    local -a known # not "words", which is the completion system's
    known=("${(@f)$(qemu-hook --completion ${@[-1]} 2>/dev/null | cut -f1)}")
    compadd "${@[1,-2]}" -a known
}
_arguments -S \
)sh";
  for (const auto& row : command_table()) {
    // A list's option can stand there again for each of its words.
    text += "    " +
            shell_quoted((row.argument == Argument::list ? "*" : "") + std::string(row.name) +
                         (row.argument == Argument::attached ? "=-" : "") + "[" + escaped_for_zsh(row.help) +
                         "]" + zsh_argument(row)) +
            " \\\n";
  }
  return text + "    '*:GUEST:_qemu_hook_list guests'\n";
}

// " -l setup -l check": the commands that `row` goes with; for a command, all of them.
std::string fish_commands(const Row& row) {
  std::string text;
  for (const auto& command : command_table())
    if (command.is_command() && (row.is_command() || row.goes_with(command)))
      text += std::string(" -l ") + (command.name + 2);
  return text;
}

std::string fish_list(const std::string& list) {
  return " -a '(qemu-hook --completion " + list + " 2>/dev/null)'";
}

std::string fish() {
  std::string text =
      "# fish completion for qemu-hook, printed by `qemu-hook --completion fish`\n"
      "complete -c qemu-hook -f\n";
  for (const auto& row : command_table()) {
    const std::string list = words_for(row.argument_name), fixed = fixed_words(row.argument_name);
    const std::string words = list.empty() ? " -a '" + fixed + "'" : fish_list(list);
    text += std::string("complete -c qemu-hook -l ") + (row.name + 2) + " -n '" +
            (row.is_command() ? "not " : "") + "__fish_seen_argument" + fish_commands(row) + "' -d " +
            shell_quoted(row.help);
    if (row.argument == Argument::attached) text += words;
    if (row.argument != Argument::none && row.argument != Argument::attached && !row.is_command())
      text += row.argument_name == std::string_view("FILE") ? " -r -F" : " -x" + words;
    text += "\n";
    // A command's own word stands apart, since the condition for the command is over with it.
    if (row.argument != Argument::none && row.is_command())
      text += std::string("complete -c qemu-hook -n '__fish_prev_arg_in ") + row.name + "'" + words + "\n";
    if (row.argument == Argument::list)
      text += std::string("complete -c qemu-hook -n '__fish_seen_argument -l ") + (row.name + 2) + "'" +
              words + "\n";
    if (row.second != nullptr)
      text += std::string("complete -c qemu-hook -n '__fish_seen_argument -l ") + (row.name + 2) +
              "; and not __fish_prev_arg_in " + row.name + "'" + fish_list(words_for(row.second)) + "\n";
  }
  return text;
}

// "word TAB what it is", a line each; bash and zsh take the first, fish shows both.
std::string addresses(const host::Host& host) {
  std::string text;
  for (const auto& address : host::list_pci_addresses(host)) {
    const auto device = host::read_pci_device(host, address);
    if (!device || device->is_bridge()) continue;
    text += address.text() + "\t" + host::pci_name(host, device->identity, device->identity) + "\n";
  }
  return text;
}

std::string guests(const host::Host& host) {
  std::string text;
  std::set<std::string> names;
  for (const auto& guest : known_guests(host, no_warnings)) names.insert(guest.guest);
  for (const auto& name : names)
    // What a terminal could not show could not be typed either.
    if (printable(name) == name) text += name + "\n";
  return text;
}

std::string variable_lines() {
  std::string text = "all\tall of them\n";
  for (const auto& v : variables()) text += std::string(v.name) + "\t" + v.help + "\n";
  return text;
}

}  // namespace

Exit completion(const host::Host& host, const Options& options) {
  const std::string& what = options.subject;
  const std::string text = what == "bash"        ? bash()
                           : what == "zsh"       ? zsh()
                           : what == "fish"      ? fish()
                           : what == "guests"    ? guests(host)
                           : what == "addresses" ? addresses(host)
                           : what == "variables" ? variable_lines()
                                                 : "?";
  if (text == "?")
    return failed(
        options,
        {ErrorKind::bad_input, "there is no completion for " + in_quotes(what), "one of bash, zsh, fish"},
        Exit::wrong_call);
  std::fputs(text.c_str(), stdout);
  return Exit::done;
}

}  // namespace qh::cli
