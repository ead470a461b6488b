#include "config/host_conf.h"

#include <algorithm>
#include <cmath>

#include "config/guest_settings.h"
#include "core/contains.h"

namespace qh::config {
namespace {

constexpr double longest_seconds = 3600;

Setting<Deadlines> seconds(const char* key, std::chrono::milliseconds Deadlines::*field) {
  return {key, [=](const std::string& file, const TomlEntry& entry, Deadlines& out) -> Result<void> {
            const bool whole = entry.value.type == TomlValue::Type::integer;
            if (!whole && entry.value.type != TomlValue::Type::real)
              return wrong_type(file, entry, TomlValue::Type::real, "20");
            const double value = whole ? static_cast<double>(entry.value.integer) : entry.value.real;
            // Written so that not-a-number fails too.
            if (!(value > 0 && value <= longest_seconds))
              return error_at(file, entry.value.begin,
                              "'" + entry.key + "' must be above 0 and at most 3600 seconds");
            out.*field = std::chrono::milliseconds(std::max(1LL, std::llround(value * 1000)));
            return {};
          }};
}

const Settings<Deadlines>& deadline_settings() {
  static const Settings<Deadlines> table = {
      seconds("connect", &Deadlines::connect),
      seconds("detach", &Deadlines::detach),
      seconds("reattach", &Deadlines::reattach),
      seconds("holders", &Deadlines::holders),
      seconds("display_manager", &Deadlines::display_manager),
      seconds("lock", &Deadlines::lock),
      seconds("whole", &Deadlines::whole),
  };
  return table;
}

const Settings<HostConf>& top_settings() {
  static const Settings<HostConf> table = {
      one_of("backend", &HostConf::backend,
             {{"auto", Backend::automatic}, {"libvirt", Backend::libvirt}, {"sysfs", Backend::sysfs}}),
      yes_or_no("write_confs", &HostConf::write_confs),
  };
  return table;
}

// What stands below a header of its own.
template <class Part>
Setting<HostConf> section(const char* key, Part HostConf::*field, const Settings<Part>& settings) {
  return {key,
          [=, &settings](const std::string& file, const TomlEntry& entry, HostConf& out) -> Result<void> {
            const std::string header = "[" + entry.key + "]";
            if (entry.value.type != TomlValue::Type::table)
              return error_at(file, entry.value.begin, "'" + entry.key + "' must be a table",
                              "write " + header + ", and its keys below it");
            return read_table(file, entry.value, settings, out.*field, [&](const TomlEntry& item) {
              return unknown_key(file, item,
                                 {"in " + header, keys_of(settings), keys_of(top_settings()),
                                  "it belongs above the line " + header});
            });
          }};
}

tl::unexpected<Error> unknown_at_top(const std::string& file, const TomlEntry& entry,
                                     const Settings<HostConf>& known) {
  const auto defaults = keys_of(default_settings());
  const bool is_default = contains(defaults, entry.key);
  const std::string header = is_default ? "[defaults]" : "[deadlines]";
  return unknown_key(
      file, entry,
      {"outside of " + header, keys_of(known), is_default ? defaults : keys_of(deadline_settings()),
       "it belongs below a line " + header});
}

}  // namespace

std::vector<std::string> host_conf_keys() {
  std::vector<std::string> keys;
  for (const auto key : keys_of(top_settings())) keys.emplace_back(key);
  for (const auto key : keys_of(deadline_settings())) keys.push_back("[deadlines] " + std::string(key));
  for (const auto key : keys_of(default_settings())) keys.push_back("[defaults] " + std::string(key));
  return keys;
}

Result<HostConf> parse_host_conf(std::string_view text, const std::string& file) {
  const auto root = parse_toml(text, file);
  if (!root) return fail(root.error());
  auto table = top_settings();
  table.push_back(section("deadlines", &HostConf::deadlines, deadline_settings()));
  table.push_back(section("defaults", &HostConf::defaults, default_settings()));
  HostConf out;
  const auto unknown = [&](const TomlEntry& entry) { return unknown_at_top(file, entry, table); };
  if (auto done = read_table(file, *root, table, out, unknown); !done) return fail(done.error());
  return out;
}

}  // namespace qh::config
