#include "config/host_conf.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "config/fields.h"
#include "config/toml.h"
#include "core/contains.h"

namespace qh::config {
namespace {

constexpr Choice<Backend> backends[] = {
    {"auto", Backend::automatic},
    {"libvirt", Backend::libvirt},
    {"sysfs", Backend::sysfs},
};

constexpr Choice<std::chrono::milliseconds Deadlines::*> deadlines[] = {
    {"connect", &Deadlines::connect},
    {"detach", &Deadlines::detach},
    {"reattach", &Deadlines::reattach},
    {"holders", &Deadlines::holders},
    {"display_manager", &Deadlines::display_manager},
    {"lock", &Deadlines::lock},
    {"whole", &Deadlines::whole},
};

constexpr double longest_seconds = 3600;

std::vector<std::string_view> top_keys() {
  return {"backend", "write_confs"};
}

std::vector<std::string_view> deadline_keys() {
  std::vector<std::string_view> keys;
  for (const auto& deadline : deadlines) keys.push_back(deadline.name);
  return keys;
}

Result<std::chrono::milliseconds> seconds(const std::string& file, const TomlEntry& entry) {
  double value = 0;
  if (entry.value.type == TomlValue::Type::integer)
    value = static_cast<double>(entry.value.integer);
  else if (entry.value.type == TomlValue::Type::real)
    value = entry.value.real;
  else
    return wrong_type(file, entry, TomlValue::Type::real, "20");
  // Written so that not-a-number fails too.
  if (!(value > 0 && value <= longest_seconds))
    return error_at(file, entry.value.begin, "'" + entry.key + "' must be above 0 and at most 3600 seconds");
  return std::chrono::milliseconds(std::max(1LL, std::llround(value * 1000)));
}

Result<void> read_deadlines(const std::string& file, const TomlEntry& entry, Deadlines& out) {
  if (entry.value.type != TomlValue::Type::table)
    return error_at(file, entry.value.begin, "'deadlines' must be a table",
                    "write [deadlines], and the single ones below it");
  for (const TomlEntry& item : entry.value.entries) {
    std::chrono::milliseconds Deadlines::*member = nullptr;
    for (const auto& deadline : deadlines)
      if (item.key == deadline.name) member = deadline.value;
    if (!member)
      return unknown_key(
          file, item,
          {"in [deadlines]", deadline_keys(), top_keys(), "it belongs above the line [deadlines]"});
    const auto value = seconds(file, item);
    if (!value) return fail(value.error());
    out.*member = *value;
  }
  return {};
}

Result<void> read_defaults(const std::string& file, const TomlEntry& entry, Defaults& out) {
  if (entry.value.type != TomlValue::Type::table)
    return error_at(file, entry.value.begin, "'defaults' must be a table",
                    "write [defaults], and the single ones below it");
  for (const TomlEntry& item : entry.value.entries)
    if (auto done = read_default(item, file, out); !done) return done;
  return {};
}

tl::unexpected<Error> unknown_at_top(const std::string& file, const TomlEntry& entry) {
  const auto& defaults = default_keys();
  if (contains(defaults, entry.key))
    return unknown_key(file, entry,
                       {"outside of [defaults]", {}, defaults, "it belongs below a line [defaults]"});
  auto known = top_keys();
  known.insert(known.end(), {"deadlines", "defaults"});
  return unknown_key(
      file, entry, {"outside of [deadlines]", known, deadline_keys(), "it belongs below a line [deadlines]"});
}

}  // namespace

const char* to_string(Backend value) {
  return name_of(value, backends);
}

std::vector<std::string> host_conf_keys() {
  std::vector<std::string> keys;
  for (const auto key : top_keys()) keys.emplace_back(key);
  for (const auto key : deadline_keys()) keys.push_back("[deadlines] " + std::string(key));
  for (const auto key : default_keys()) keys.push_back("[defaults] " + std::string(key));
  return keys;
}

Result<HostConf> parse_host_conf(std::string_view text, const std::string& file) {
  const auto root = parse_toml(text, file);
  if (!root) return fail(root.error());
  HostConf out;
  for (const TomlEntry& entry : root->entries) {
    Result<void> done;
    if (entry.key == "backend") {
      const auto value = choice(file, entry, backends);
      if (!value) return fail(value.error());
      out.backend = *value;
    } else if (entry.key == "write_confs") {
      if (entry.value.type != TomlValue::Type::boolean)
        return wrong_type(file, entry, TomlValue::Type::boolean, "false");
      out.write_confs = entry.value.boolean;
    } else if (entry.key == "deadlines") {
      done = read_deadlines(file, entry, out.deadlines);
    } else if (entry.key == "defaults") {
      done = read_defaults(file, entry, out.defaults);
    } else {
      return unknown_at_top(file, entry);
    }
    if (!done) return fail(done.error());
  }
  return out;
}

}  // namespace qh::config
