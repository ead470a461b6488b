// The files in etc-libvirt/ name every key that the program knows, with its default, and nothing else.
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <string>

#include "config/guest_conf.h"
#include "config/guest_settings.h"
#include "config/host_conf.h"
#include "core/text.h"

using namespace qh::config;

namespace {

std::string shipped(const std::string& name) {
  std::ifstream file(QH_TEST_DATA "/../../etc-libvirt/qemu-hook/" + name);
  REQUIRE_MESSAGE(file.good(), name);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "key" for "key = value" and "# key = value"; empty for prose.
std::string key_of(std::string_view line) {
  if (line.substr(0, 2) == "# ") line.remove_prefix(2);
  const auto end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
  if (end == 0 || end == std::string_view::npos) return {};
  const auto rest = qh::trimmed(line.substr(end));
  return rest.substr(0, 2) == "= " ? std::string(line.substr(0, end)) : std::string();
}

// The text with its settings in force.
std::string uncommented(const std::string& text) {
  std::string out;
  for (const auto line : qh::split(text, '\n')) {
    const bool setting = line.substr(0, 2) == "# " && !key_of(line).empty();
    out += std::string(setting ? line.substr(2) : line) + "\n";
  }
  return out;
}

std::multiset<std::string> keys_in(const std::string& text) {
  std::multiset<std::string> keys;
  std::string header;
  for (const auto line : qh::split(text, '\n')) {
    if (line.substr(0, 1) == "[") header = std::string(line.substr(0, line.find(']') + 1)) + " ";
    if (const auto key = key_of(line); !key.empty()) keys.insert(header + key);
  }
  return keys;
}

}  // namespace

TEST_CASE("the shipped host.toml: each key once, none that is not known, all with their defaults") {
  const auto text = shipped("host.toml");
  const auto known = host_conf_keys();
  CHECK(keys_in(text) == std::multiset<std::string>(known.begin(), known.end()));
  const auto as_shipped = parse_host_conf(text, "host.toml");
  const auto in_force = parse_host_conf(uncommented(text), "host.toml");
  REQUIRE(as_shipped.has_value());
  REQUIRE_MESSAGE(in_force.has_value(), (in_force ? "" : in_force.error().message));
  CHECK(*as_shipped == HostConf{});
  CHECK(*in_force == HostConf{});
}

TEST_CASE("the shipped example of a guest's conf: every key, and the settings with their defaults") {
  const auto text = shipped("guests/example.toml.sample");
  std::set<std::string> known;
  for (const auto key : guest_keys())
    if (key != "device") known.emplace(key);
  for (const auto key : device_keys()) known.insert("[[device] " + std::string(key));
  const auto keys = keys_in(text);
  CHECK(std::set<std::string>(keys.begin(), keys.end()) == known);
  const auto conf = parse_guest_conf(uncommented(text), "example.toml");
  REQUIRE_MESSAGE(conf.has_value(), (conf ? "" : conf.error().message));
  CHECK(conf->gpu == Gpu::automatic);
  REQUIRE(conf->devices.size() == 2);
  for (const auto& d : conf->devices) CHECK(d == DeviceConf{d.address, d.identity});
}
