#include "handover/steps/step.h"

#include <algorithm>
#include <concepts>
#include <optional>

#include "core/text.h"
#include "handover/steps/line.h"

namespace qh::handover {
namespace {

using Words = std::vector<std::string_view>;

template <class Kind>
constexpr bool is_unknown = std::is_same_v<Kind, UnknownStep>;

// The kinds of steps have names like "stop-service": another one is a newer version's.
bool may_be_a_verb(std::string_view text) {
  return !text.empty() && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

tl::unexpected<Error> damaged(std::string_view text) {
  return fail(ErrorKind::bad_input, "damaged step " + in_quotes(text));
}

// Nothing, if the first word is no verb of a kind that is known here.
template <class... Kinds>
std::optional<Result<Step>> parse_as_one_of(std::string_view text, const Words& words,
                                            const std::variant<Kinds...>*) {
  std::optional<Result<Step>> out;
  const auto try_kind = [&]<class Kind>(Kind step) {
    if constexpr (!is_unknown<Kind>) {
      if (words[0] != Kind::verb) return;
      LineReader reader(words);
      const bool complete =
          std::apply([&](auto&... field) { return (reader.take(field) && ...); }, Kind::fields(step));
      out = complete && reader.at_end() ? Result<Step>(std::move(step)) : Result<Step>(damaged(text));
    }
  };
  (try_kind(Kinds{}), ...);
  return out;
}

tl::unexpected<Error> unknown(const UnknownStep& step) {
  return fail(
      ErrorKind::failed,
      "a newer version of qemu-hook wrote a step that this version does not know: " + in_quotes(step.text),
      "undo it with `qemu-hook --reattach` of that version");
}

}  // namespace

std::string describe(const Step& step) {
  return std::visit(
      []<class Kind>(const Kind& s) {
        if constexpr (is_unknown<Kind>)
          return "a step of a newer version, " + in_quotes(s.text);
        else
          return s.describe();
      },
      step);
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

Result<void> run(Ports& ports, const Record& record, const Step& step) {
  return std::visit(
      [&]<class Kind>(const Kind& s) -> Result<void> {
        if constexpr (is_unknown<Kind>)
          return unknown(s);
        else
          return s.run(ports, record);
      },
      step);
}

Result<void> undo(Ports& ports, const Step& step) {
  return std::visit(
      [&]<class Kind>(const Kind& s) -> Result<void> {
        if constexpr (is_unknown<Kind>)
          return unknown(s);
        else if constexpr (requires { s.undo(ports); })
          return s.undo(ports);
        else
          return {};
      },
      step);
}

const DeviceState* device_of(const Step& step) {
  return std::visit(
      []<class Kind>(const Kind& s) -> const DeviceState* {
        if constexpr (requires {
                        { s.device } -> std::same_as<const DeviceState&>;
                      })
          return &s.device;
        else
          return nullptr;
      },
      step);
}

std::string to_line(const Step& step) {
  return std::visit(
      []<class Kind>(const Kind& s) {
        if constexpr (is_unknown<Kind>)
          return s.text;
        else {
          LineWriter writer(Kind::verb);
          std::apply([&](const auto&... field) { (writer.add(field), ...); }, Kind::fields(s));
          return writer.line();
        }
      },
      step);
}

Result<Step> parse_step(std::string_view text) {
  const auto words = split(text, ' ');
  for (const auto w : words)
    if (w.empty()) return fail(ErrorKind::bad_input, "empty word in the step " + in_quotes(text));
  if (auto step = parse_as_one_of(text, words, static_cast<const Step*>(nullptr))) return std::move(*step);
  if (may_be_a_verb(words[0])) return UnknownStep{std::string(text)};
  return damaged(text);
}

}  // namespace qh::handover
