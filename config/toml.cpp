#include "config/toml.h"

#include <algorithm>
#include <utility>

#include "core/text.h"

// The library asserts things that a broken file makes untrue ("[=": it aborts; with NDEBUG and clang it is undefined
// behaviour), and the code below those assertions then reports the error. So: no assertions, and no assumptions.
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0  // nothing is printed with it, and they pull in iostreams
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_MAX_NESTED_VALUES 16  // a conf needs two; the library recurses
#include <toml++/toml.h>

namespace qh::config {
namespace {

// More than a conf ever has; see dots_too_deep().
constexpr std::size_t most_dots = 16;

Position position(const toml::source_position& at) { return {at.line, at.column}; }

// The library makes a table for each part of a dotted key without limit, then recurses over them: "a.a.a.…" would
// end in a stack overflow. The line that does so, or 0.
std::size_t dots_too_deep(std::string_view text) {
  std::size_t line = 1, dots = 0;
  char quote = 0;
  bool comment = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
      dots = 0;
      quote = 0;
      comment = false;
    } else if (comment) {
      continue;
    } else if (quote != 0) {
      if (c == '\\' && quote == '"' && i + 1 < text.size() && text[i + 1] != '\n')
        ++i;
      else if (c == quote)
        quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      comment = true;
    } else if (c == '.' && ++dots > most_dots) {
      return line;
    }
  }
  return 0;
}

// What helps with the most frequent mistake: gpu = auto.
std::string quotes_missing(std::string_view text, std::size_t line) {
  const auto lines = split(text, '\n');
  if (line == 0 || line > lines.size()) return {};
  const std::string_view at = lines[line - 1];
  const auto equals = at.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string_view key = trimmed(at.substr(0, equals)), value = trimmed(at.substr(equals + 1));
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (key.empty() || !std::all_of(key.begin(), key.end(), is_word) || value.empty() || !is_word(value.front()))
    return {};
  return "text stands in quotes: " + std::string(key) + " = \"…\"";
}

TomlValue convert(const toml::node& node) {
  TomlValue out;
  out.begin = position(node.source().begin);
  out.end = position(node.source().end);
  if (const auto* table = node.as_table()) {
    out.type = TomlValue::Type::table;
    for (const auto& [key, value] : *table)
      out.entries.push_back({std::string(key.str()), position(key.source().begin), convert(value)});
    std::sort(out.entries.begin(), out.entries.end(),
              [](const TomlEntry& a, const TomlEntry& b) { return a.key_at < b.key_at; });
  } else if (const auto* array = node.as_array()) {
    out.type = TomlValue::Type::array;
    for (const auto& item : *array) out.items.push_back(convert(item));
  } else if (const auto* string = node.as_string()) {
    out.type = TomlValue::Type::string;
    out.string = string->get();
  } else if (const auto* integer = node.as_integer()) {
    out.type = TomlValue::Type::integer;
    out.integer = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.type = TomlValue::Type::real;
    out.real = real->get();
  } else if (const auto* boolean = node.as_boolean()) {
    out.type = TomlValue::Type::boolean;
    out.boolean = boolean->get();
  } else {
    out.type = TomlValue::Type::time;
  }
  return out;
}

}  // namespace

const char* to_string(TomlValue::Type type) {
  switch (type) {
    case TomlValue::Type::table:
      return "a table";
    case TomlValue::Type::array:
      return "an array";
    case TomlValue::Type::string:
      return "a string";
    case TomlValue::Type::integer:
      return "an integer";
    case TomlValue::Type::real:
      return "a number";
    case TomlValue::Type::boolean:
      return "true or false";
    case TomlValue::Type::time:
      return "a date or time";
  }
  return "";
}

tl::unexpected<Error> error_at(const std::string& file, Position at, const std::string& reason,
                               std::string remedy) {
  return fail(ErrorKind::bad_input,
              file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + reason,
              std::move(remedy));
}

Result<TomlValue> parse_toml(std::string_view text, const std::string& file) {
  if (const auto line = dots_too_deep(text)) return error_at(file, {line, 1}, "nested too deeply");
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    const Position at = position(error.source().begin);
    return error_at(file, at, printable(error.description()), quotes_missing(text, at.line));
  }
  return convert(parsed.table());
}

}  // namespace qh::config
