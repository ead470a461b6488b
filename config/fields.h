// Reading a conf's keys strictly: each error names the place, and what was probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/toml.h"
#include "core/result.h"

namespace qh::config {

// Of `known`, what `word` was probably meant to be; empty if nothing is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

// `place` says where the keys would stand: "in a [[device]]". `elsewhere`: keys that exist, but in another
// place, and `there`, what to do about it.
struct KnownKeys {
  std::string place;
  std::vector<std::string_view> here;
  std::vector<std::string_view> elsewhere = {};
  std::string there = {};
};
tl::unexpected<Error> unknown_key(const std::string& file, const TomlEntry& entry, const KnownKeys& known);

// "'gpu' must be a string, not an integer", with an example of the right form.
tl::unexpected<Error> wrong_type(const std::string& file, const TomlEntry& entry, TomlValue::Type wanted,
                                 const std::string& example);

template <class T>
struct Choice {
  const char* name;
  T value;
};

tl::unexpected<Error> unknown_choice(const std::string& file, const TomlEntry& entry,
                                     const std::vector<std::string_view>& names);

// A string that is one of a few.
template <class T, std::size_t N>
Result<T> choice(const std::string& file, const TomlEntry& entry, const Choice<T> (&choices)[N]) {
  if (entry.value.type != TomlValue::Type::string)
    return wrong_type(file, entry, TomlValue::Type::string, std::string("\"") + choices[0].name + "\"");
  std::vector<std::string_view> names;
  for (const Choice<T>& c : choices) {
    if (entry.value.string == c.name) return c.value;
    names.push_back(c.name);
  }
  return unknown_choice(file, entry, names);
}

template <class T, std::size_t N>
const char* name_of(T value, const Choice<T> (&choices)[N]) {
  for (const Choice<T>& c : choices)
    if (c.value == value) return c.name;
  return "";
}

}  // namespace qh::config
