#include "handover/steps/step.h"

#include <algorithm>
#include <concepts>
#include <optional>
#include <span>

#include "core/contains.h"
#include "core/text.h"

namespace qh::handover {
namespace {

// Stands in front of a list of names, and so ends a list of addresses.
constexpr char list_of_names[] = "for";

// The members of a step, as words of its line.
void add(std::string& line, const std::string& name) {
  line += " " + name;
}
void add(std::string& line, const PciAddress& address) {
  add(line, address.text());
}
void add(std::string& line, const std::vector<PciAddress>& addresses) {
  for (const auto& address : addresses) add(line, address);
}
void add(std::string& line, const std::vector<std::string>& names) {
  add(line, list_of_names);
  for (const auto& name : names) add(line, name);
}
void add(std::string& line, const DeviceState& device) {
  add(line, device.address);
  add(line, to_word(device.host_driver));
  add(line, to_word(device.driver_override));
}

// What is still to be read of a line.
using Rest = std::span<const std::string_view>;

// Empty at the end: no word of a line is.
std::string_view next(Rest& words) {
  if (words.empty()) return {};
  const auto word = words.front();
  words = words.subspan(1);
  return word;
}

// Each takes the words that belong to it; false: they are no such thing.
bool take(Rest& words, PciAddress& address) {
  const auto parsed = parse_pci_address(next(words));
  if (parsed) address = *parsed;
  return parsed.has_value();
}

// One that can be a file's name below /sys, or a program's argument.
bool take(Rest& words, std::string& name) {
  name = next(words);
  if (name.empty() || name == "." || name == ".." || name[0] == '-') return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_.@:\\-").find(c) != std::string_view::npos;
  });
}

// All up to the end, or to a list of names.
bool take(Rest& words, std::vector<PciAddress>& addresses) {
  while (!words.empty() && words.front() != list_of_names)
    if (!take(words, addresses.emplace_back())) return false;
  return true;
}

bool take(Rest& words, std::vector<std::string>& names) {
  if (next(words) != list_of_names) return false;
  while (!words.empty())
    if (!take(words, names.emplace_back())) return false;
  return true;
}

bool take(Rest& words, DeviceState& device) {
  if (!take(words, device.address)) return false;
  for (auto* driver : {&device.host_driver, &device.driver_override}) {
    const auto name = words.empty() ? std::nullopt : from_word(next(words));
    // Names of drivers become file names below /sys.
    if (!name || name->find('/') != std::string::npos || *name == "..") return false;
    *driver = *name;
  }
  return true;
}

// The kinds of steps have names like "stop-service": another one is a newer version's.
bool may_be_a_verb(std::string_view text) {
  return !text.empty() && text[0] != '-' &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

tl::unexpected<Error> damaged(std::string_view text) {
  return fail(ErrorKind::bad_input, "damaged step " + in_quotes(text));
}

// Nothing, if the first word is no verb of a kind that is known here.
template <class... Kinds>
std::optional<Result<Step>> parse_as_one_of(std::string_view text, Rest words,
                                            const std::variant<Kinds...>*) {
  std::optional<Result<Step>> out;
  const auto verb = next(words);
  const auto try_kind = [&]<class Kind>(Kind step) {
    if constexpr (requires { Kind::verb; }) {
      if (verb != Kind::verb) return;
      const bool read =
          std::apply([&](auto&... field) { return (take(words, field) && ...); }, Kind::fields(step));
      out = read && words.empty() ? Result<Step>(std::move(step)) : damaged(text);
    }
  };
  (try_kind(Kinds{}), ...);
  return out;
}

}  // namespace

std::string UnknownStep::describe() const {
  return "a step of a newer version, " + in_quotes(text);
}
Result<void> UnknownStep::run(Ports& ports, Journal&) const {
  return undo(ports);
}
Result<void> UnknownStep::undo(Ports&) const {
  return fail(ErrorKind::failed,
              "a newer version of qemu-hook wrote a step that this version does not know: " + in_quotes(text),
              "undo it with `qemu-hook --reattach` of that version");
}

std::string describe(const Step& step) {
  return std::visit([](const auto& s) { return s.describe(); }, step);
}

std::string describe_undo(const Step& step) {
  return std::visit(
      [](const auto& s) {
        if constexpr (requires { s.describe_undo(); })
          return s.describe_undo();
        else
          return std::string();
      },
      step);
}

Result<void> run(Ports& ports, Journal& journal, const Step& step) {
  return std::visit([&](const auto& s) { return s.run(ports, journal); }, step);
}

Result<void> undo(Ports& ports, const Step& step) {
  return std::visit(
      [&](const auto& s) -> Result<void> {
        if constexpr (requires { s.undo(ports); })
          return s.undo(ports);
        else
          return {};
      },
      step);
}

std::string_view verb_of(const Step& step) {
  return std::visit(
      []<class Kind>(const Kind&) -> std::string_view {
        if constexpr (requires { Kind::verb; })
          return Kind::verb;
        else
          return {};
      },
      step);
}

const DeviceState* device_of(const Step& step) {
  return std::visit(
      []<class Kind>(const Kind& s) -> const DeviceState* {
        if constexpr (std::derived_from<Kind, DeviceStep>)
          return &s.device;
        else
          return nullptr;
      },
      step);
}

std::string to_line(const Step& step) {
  return std::visit(
      []<class Kind>(const Kind& s) {
        if constexpr (requires { Kind::verb; }) {
          std::string line(Kind::verb);
          std::apply([&](const auto&... field) { (add(line, field), ...); }, Kind::fields(s));
          return line;
        } else {
          return s.text;
        }
      },
      step);
}

Result<Step> parse_step(std::string_view text) {
  const auto words = split(text, ' ');
  if (contains(words, "")) return fail(ErrorKind::bad_input, "empty word in the step " + in_quotes(text));
  if (auto step = parse_as_one_of(text, words, static_cast<const Step*>(nullptr))) return std::move(*step);
  if (may_be_a_verb(words[0])) return UnknownStep{std::string(text)};
  return damaged(text);
}

}  // namespace qh::handover
