#include "config/host_conf.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "config/fields.h"
#include "config/toml.h"

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
};

constexpr double longest_seconds = 3600;

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
          {"in [deadlines]", deadline_keys(), {"backend"}, "it belongs above the line [deadlines]"});
    const auto value = seconds(file, item);
    if (!value) return fail(value.error());
    out.*member = *value;
  }
  return {};
}

}  // namespace

const char* to_string(Backend value) {
  return name_of(value, backends);
}

Result<HostConf> parse_host_conf(std::string_view text, const std::string& file) {
  const auto root = parse_toml(text, file);
  if (!root) return fail(root.error());
  HostConf out;
  for (const TomlEntry& entry : root->entries) {
    if (entry.key == "backend") {
      const auto value = choice(file, entry, backends);
      if (!value) return fail(value.error());
      out.backend = *value;
    } else if (entry.key == "deadlines") {
      if (auto done = read_deadlines(file, entry, out.deadlines); !done) return fail(done.error());
    } else {
      return unknown_key(file, entry,
                         {"outside of [deadlines]",
                          {"backend", "deadlines"},
                          deadline_keys(),
                          "it belongs below a line [deadlines]"});
    }
  }
  return out;
}

}  // namespace qh::config
