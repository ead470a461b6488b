// The keys of a conf as tables: a row says how a key is read, what it can be, and what a new conf says about
// it. Reading is strict: each error names the place, and what was probably meant.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/toml.h"
#include "core/result.h"
#include "core/text.h"

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
tl::unexpected<Error> unknown_key(const TomlEntry& entry, const KnownKeys& known);

// "'gpu' must be a string, not an integer", with an example of the right form.
tl::unexpected<Error> wrong_type(const TomlEntry& entry, TomlValue::Type wanted, const std::string& example);

// A row: one key of what `Conf` holds.
template <class Conf>
struct Setting {
  const char* key;
  std::function<Result<void>(const TomlEntry& entry, Conf& out)> read;

  // Of a key that can only be one of a few words:
  std::vector<std::string_view> words = {};
  std::function<const char*(const Conf&)> word = {};  // the one that a conf has
  bool quoted = true;
  std::string comment = {};  // behind its line in a new conf

  std::string line(std::string_view value) const {
    const std::string quote = quoted ? "\"" : "";
    return std::string(key) + " = " + quote + std::string(value) + quote;
  }
};

template <class Conf>
using Settings = std::vector<Setting<Conf>>;

template <class T>
struct Choice {
  const char* word;
  T value;
};

// Where in `words` the entry's is; an error if it is none of them.
Result<std::size_t> find_word(const TomlEntry& entry, const std::vector<std::string_view>& words);

template <class Conf, class T>
Setting<Conf> one_of(const char* key, T Conf::*field, const std::vector<Choice<T>>& choices,
                     const std::string& what_for = {}) {
  std::vector<std::string_view> words;
  for (const auto& choice : choices) words.push_back(choice.word);
  const auto read = [=](const TomlEntry& entry, Conf& out) -> Result<void> {
    return find_word(entry, words).map([&](std::size_t at) { out.*field = choices[at].value; });
  };
  const auto word = [=](const Conf& conf) {
    for (const auto& choice : choices)
      if (conf.*field == choice.value) return choice.word;
    return "";
  };
  const std::string comment = join({words.begin(), words.end()}, " | ");
  return {key, read, words, word, true, what_for.empty() ? comment : comment + ": " + what_for};
}

template <class Conf>
Setting<Conf> yes_or_no(const char* key, bool Conf::*field, const std::string& what_for = {}) {
  const auto read = [=](const TomlEntry& entry, Conf& out) -> Result<void> {
    if (entry.value.type != TomlValue::Type::boolean)
      return wrong_type(entry, TomlValue::Type::boolean, Conf{}.*field ? "false" : "true");
    out.*field = entry.value.boolean;
    return {};
  };
  const auto word = [=](const Conf& conf) { return conf.*field ? "true" : "false"; };
  return {key, read, {"false", "true"}, word, false, what_for};
}

template <class Conf>
std::vector<std::string_view> keys_of(const Settings<Conf>& settings) {
  std::vector<std::string_view> keys;
  for (const auto& setting : settings) keys.emplace_back(setting.key);
  return keys;
}

template <class Conf>
const Setting<Conf>* find(const Settings<Conf>& settings, std::string_view key) {
  for (const auto& setting : settings)
    if (setting.key == key) return &setting;
  return nullptr;
}

// Reads a table by its rows. `unknown` gives the error for a key without one.
template <class Conf, class Unknown>
Result<void> read_table(const TomlValue& table, const Settings<Conf>& settings, Conf& out,
                        const Unknown& unknown) {
  for (const TomlEntry& entry : table.entries) {
    const auto* setting = find(settings, entry.key);
    if (!setting) return unknown(entry);
    if (auto done = setting->read(entry, out); !done) return done;
  }
  return {};
}

}  // namespace qh::config
