#include "config/host_conf.h"

#include <algorithm>
#include <chrono>

#include "config/guest_settings.h"
#include "core/contains.h"

namespace qh::config {
namespace {

constexpr double longest_seconds = 3600;

std::chrono::milliseconds to_milliseconds(double seconds) {
  return std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

Setting<Deadlines> seconds(const char* key, std::chrono::milliseconds Deadlines::*field) {
  return {key, [=](const TomlEntry& entry, Deadlines& out) -> Result<void> {
            if (entry.value.type != TomlValue::Type::integer && entry.value.type != TomlValue::Type::real)
              return wrong_type(entry, TomlValue::Type::real, "20");
            const double value = entry.value.number;
            // Written so that not-a-number fails too.
            if (!(value > 0 && value <= longest_seconds))
              return error_at(entry.value.begin,
                              "'" + entry.key + "' must be above 0 and at most 3600 seconds");
            out.*field = std::max(to_milliseconds(value), std::chrono::milliseconds(1));
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
  return {key, [=, &settings](const TomlEntry& entry, HostConf& out) -> Result<void> {
            const std::string header = "[" + entry.key + "]";
            if (entry.value.type != TomlValue::Type::table)
              return error_at(entry.value.begin, "'" + entry.key + "' must be a table",
                              "write " + header + ", and its keys below it");
            return read_table(entry.value, settings, out.*field, [&](const TomlEntry& item) {
              return unknown_key(item, {"in " + header, keys_of(settings), keys_of(top_settings()),
                                        "it belongs above the line " + header});
            });
          }};
}

tl::unexpected<Error> unknown_at_top(const TomlEntry& entry, const Settings<HostConf>& known) {
  const auto defaults = keys_of(default_settings());
  const bool is_default = contains(defaults, entry.key);
  const std::string header = is_default ? "[defaults]" : "[deadlines]";
  return unknown_key(
      entry, {"outside of " + header, keys_of(known), is_default ? defaults : keys_of(deadline_settings()),
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
  auto table = top_settings();
  table.push_back(section("deadlines", &HostConf::deadlines, deadline_settings()));
  table.push_back(section("defaults", &HostConf::defaults, default_settings()));
  HostConf out;
  const auto unknown = [&](const TomlEntry& entry) { return unknown_at_top(entry, table); };
  return parse_toml(text)
      .and_then([&](const TomlValue& root) { return read_table(root, table, out, unknown); })
      .map([&] { return out; })
      .map_error([&](const Error& error) { return in_file(file, error); });
}

}  // namespace qh::config
