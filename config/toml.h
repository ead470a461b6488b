// A TOML text as a plain tree that knows where in the text everything stands. The only place that includes
// the TOML library: it costs seconds for each file that does.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace qh::config {

// Counted from 1; columns count characters, not bytes. A byte order mark counts nothing.
struct Position {
  std::size_t line = 1;
  std::size_t column = 1;

  auto operator<=>(const Position&) const = default;
};

struct TomlEntry;

struct TomlValue {
  enum class Type { table, array, string, integer, real, boolean, time };

  Type type = Type::table;
  // A value from its first character to just behind its last one; of a table or array only `begin` is of use:
  // where it begins, for [table] and [[table]] the header.
  Position begin;
  Position end;
  std::string string;
  double number = 0;  // of an integer too
  bool boolean = false;
  std::vector<TomlEntry> entries;  // of a table, in the order of the text
  std::vector<TomlValue> items;    // of an array

  const TomlEntry* find(std::string_view key) const;  // null if there is none
};

struct TomlEntry {
  std::string key;
  Position key_at;
  TomlValue value;
};

const char* to_string(TomlValue::Type type);  // "a string", …

// An error at a place in a conf, "LINE:COLUMN: reason". in_file() puts the file's name in front.
tl::unexpected<Error> error_at(Position at, const std::string& reason, std::string remedy = {});
Error in_file(const std::string& file, Error error);

// Fails with bad_input, by error_at().
Result<TomlValue> parse_toml(std::string_view text);

}  // namespace qh::config
