#include "config/guest_conf.h"

#include <algorithm>
#include <map>
#include <optional>

#include "config/guest_settings.h"
#include "core/text.h"

namespace qh::config {
namespace {

// `text` in lower case if it has the form of `pattern`, in which x is a hexadecimal digit.
std::optional<std::string> hexadecimal(std::string_view text, std::string_view pattern) {
  if (text.size() != pattern.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (pattern[i] == 'x' ? hex_digit(text[i]) < 0 : text[i] != pattern[i]) return std::nullopt;
  return lower_case(text);
}

// A key whose value is a text; `take` says what is wrong with it.
template <class Conf>
Setting<Conf> text(const char* key, const std::string& example,
                   std::function<Result<void>(const std::string& text, Conf& out)> take) {
  return {key, [=](const TomlEntry& entry, Conf& out) -> Result<void> {
            if (entry.value.type != TomlValue::Type::string)
              return wrong_type(entry, TomlValue::Type::string, "\"" + example + "\"");
            const auto taken = take(entry.value.string, out);
            if (!taken) return error_at(entry.value.begin, taken.error().message, taken.error().remedy);
            return {};
          }};
}

// One that is empty or of the form of `pattern`.
template <class Conf>
Setting<Conf> formed_text(const char* key, std::string Conf::*field, std::string_view pattern,
                          const std::string& what, const std::string& example) {
  return text<Conf>(key, example, [=](const std::string& text, Conf& out) -> Result<void> {
    const auto formed = text.empty() ? text : hexadecimal(text, pattern);
    if (!formed)
      return fail(ErrorKind::bad_input, in_quotes(text) + " is not " + what,
                  "write it as \"" + example + "\"");
    out.*field = *formed;
    return {};
  });
}

Result<void> take_address(const std::string& text, DeviceConf& out) {
  return parse_pci_address(text).map([&](const PciAddress& address) { out.address = address; });
}

// Another name for the address: read_device() compares the two.
Result<void> take_virsh(const std::string&, DeviceConf&) {
  return {};
}

Result<void> take_guest(const std::string& text, GuestConf& out) {
  out.guest = text;
  return {};
}

// All keys of a [[device]]: what device it is, and what is set for it.
const Settings<DeviceConf>& device_table() {
  static const Settings<DeviceConf> table = [] {
    Settings<DeviceConf> rows = {
        text<DeviceConf>("address", "0000:02:00.0", take_address),
        text<DeviceConf>("virsh", "pci_0000_02_00_0", take_virsh),
        formed_text("identity", &DeviceConf::identity, "xxxx:xxxx xxxx:xxxx xxxxxx",
                    "an identity (vendor:device, subsystem, class)", "10de:2484 1462:3909 030000"),
    };
    rows.insert(rows.end(), device_settings().begin(), device_settings().end());
    return rows;
  }();
  return table;
}

// All keys of the top but "device".
const Settings<GuestConf>& guest_table() {
  static const Settings<GuestConf> table = {
      text<GuestConf>("guest", "win10", take_guest),
      formed_text("uuid", &GuestConf::uuid, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "a UUID",
                  "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"),
      gpu_setting(),
  };
  return table;
}

Result<DeviceConf> read_device(const TomlValue& table, const Defaults& defaults) {
  DeviceConf out = defaults.device({});
  const auto unknown = [&](const TomlEntry& entry) {
    return unknown_key(entry, {"in a [[device]]", device_keys(), guest_keys(),
                               "it belongs above the first line [[device]]"});
  };
  if (auto done = read_table(table, device_table(), out, unknown); !done) return fail(done.error());
  if (!table.find("address"))
    return error_at(table.begin, "this device has no address", "add a line address = \"0000:02:00.0\"");
  // Two names for one device that disagree: which of them was meant, only the user knows.
  const std::string virsh = out.address.node_device_name();
  if (const auto* entry = table.find("virsh"); entry && entry->value.string != virsh)
    return error_at(
        entry->value.begin,
        "virsh = " + in_quotes(entry->value.string) + " is not the device at address " + out.address.text(),
        "write virsh = \"" + virsh + "\" (or leave the line out), or correct the address");
  return out;
}

Result<void> read_devices(const TomlEntry& entry, const Defaults& defaults, GuestConf& out) {
  const auto& items = entry.value.items;
  const bool is_list = entry.value.type == TomlValue::Type::array &&
                       std::all_of(items.begin(), items.end(),
                                   [](const TomlValue& item) { return item.type == TomlValue::Type::table; });
  if (!is_list)
    return error_at(entry.value.begin, "'device' must be a list of devices",
                    "begin each device with a line [[device]], in double brackets");
  std::map<PciAddress, Position> seen;
  for (const TomlValue& item : items) {
    auto device = read_device(item, defaults);
    if (!device) return fail(device.error());
    const Position at = item.find("address")->value.begin;
    const auto [first, is_new] = seen.try_emplace(device->address, at);
    if (!is_new)
      return error_at(
          at,
          device->address.text() + " is listed twice, first in line " + std::to_string(first->second.line),
          "delete one of the two");
    out.devices.push_back(std::move(*device));
  }
  return {};
}

}  // namespace

std::vector<std::string_view> guest_keys() {
  auto keys = keys_of(guest_table());
  keys.emplace_back("device");
  return keys;
}

std::vector<std::string_view> device_keys() {
  return keys_of(device_table());
}

const DeviceConf* GuestConf::find(const PciAddress& address) const {
  const auto found = std::find_if(devices.begin(), devices.end(),
                                  [&](const DeviceConf& device) { return device.address == address; });
  return found == devices.end() ? nullptr : &*found;
}

DeviceConf Defaults::device(const PciAddress& address) const {
  DeviceConf device = settings;
  device.address = address;
  return device;
}

Result<GuestConf> parse_guest_conf(std::string_view text, const std::string& file, const Defaults& defaults) {
  return parse_toml(text)
      .and_then([&](const TomlValue& root) { return read_guest_conf(root, defaults); })
      .map_error([&](const Error& error) { return in_file(file, error); });
}

Result<GuestConf> read_guest_conf(const TomlValue& root, const Defaults& defaults) {
  auto table = guest_table();
  table.push_back(
      {"device", [&](const TomlEntry& entry, GuestConf& out) { return read_devices(entry, defaults, out); }});
  const auto unknown = [&](const TomlEntry& entry) {
    return unknown_key(entry, {"outside of a [[device]]", guest_keys(), device_keys(),
                               "it belongs below a line [[device]]"});
  };
  GuestConf out;
  if (auto done = read_table(root, table, out, unknown); !done) return fail(done.error());
  if (out.gpu == Gpu::automatic) out.gpu = defaults.gpu;
  return out;
}

}  // namespace qh::config
