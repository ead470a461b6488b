#include "config/guest_conf.h"

#include <algorithm>
#include <map>
#include <optional>

#include "config/fields.h"
#include "config/toml.h"
#include "core/text.h"

namespace qh::config {
namespace {

constexpr Choice<Gpu> gpus[] = {
    {"auto", Gpu::automatic},
    {"primary", Gpu::primary},
    {"secondary", Gpu::secondary},
    {"none", Gpu::none},
};
constexpr Choice<Detach> detaches[] = {
    {"auto", Detach::automatic},
    {"always", Detach::always},
    {"never", Detach::never},
};
constexpr Choice<Reset> resets[] = {
    {"none", Reset::none},
    {"auto", Reset::automatic},
    {"flr", Reset::flr},
    {"pm", Reset::pm},
    {"bus", Reset::bus},
    {"device_specific", Reset::device_specific},
    {"remove-rescan", Reset::remove_rescan},
};

// `text` in lower case if it has the form of `pattern`, in which x is a hexadecimal digit.
std::optional<std::string> hexadecimal(std::string_view text, std::string_view pattern) {
  if (text.size() != pattern.size()) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int digit = hex_digit(text[i]);
    if (pattern[i] == 'x' ? digit < 0 : text[i] != pattern[i]) return std::nullopt;
    out += pattern[i] == 'x' ? "0123456789abcdef"[digit] : text[i];
  }
  return out;
}

bool is_setting(std::string_view key) {
  return key == "detach" || key == "reset" || key == "allow_in_use";
}

// One of a device's settings into what has members of their names.
template <class Settings>
Result<void> read_setting(const TomlEntry& entry, const std::string& file, Settings& out) {
  if (entry.key == "detach") {
    const auto value = choice(file, entry, detaches);
    if (!value) return fail(value.error());
    out.detach = *value;
  } else if (entry.key == "reset") {
    const auto value = choice(file, entry, resets);
    if (!value) return fail(value.error());
    out.reset = *value;
  } else {
    if (entry.value.type != TomlValue::Type::boolean)
      return wrong_type(file, entry, TomlValue::Type::boolean, "true");
    out.allow_in_use = entry.value.boolean;
  }
  return {};
}

class Reader {
 public:
  Reader(const std::string& file, const Defaults& defaults) : file_(file), defaults_(defaults) {}

  Result<GuestConf> guest(const TomlValue& root);

 private:
  Result<void> guest_entry(const TomlEntry& entry);
  Result<void> devices(const TomlEntry& entry);
  Result<DeviceConf> device(const TomlValue& table);
  Result<void> device_entry(const TomlEntry& entry, DeviceConf& out) const;
  Result<void> check_virsh(const TomlEntry& entry, const PciAddress& address) const;
  Result<std::string> string(const TomlEntry& entry, const std::string& example) const;
  // A string that is empty or of the form of `pattern`.
  Result<std::string> formed(const TomlEntry& entry, std::string_view pattern, const std::string& what,
                             const std::string& example) const;

  const std::string& file_;
  const Defaults& defaults_;
  GuestConf conf_;
  std::map<PciAddress, Position> seen_;
};

Result<std::string> Reader::string(const TomlEntry& entry, const std::string& example) const {
  if (entry.value.type != TomlValue::Type::string)
    return wrong_type(file_, entry, TomlValue::Type::string, "\"" + example + "\"");
  return entry.value.string;
}

Result<std::string> Reader::formed(const TomlEntry& entry, std::string_view pattern, const std::string& what,
                                   const std::string& example) const {
  const auto text = string(entry, example);
  if (!text || text->empty()) return text;
  if (auto out = hexadecimal(*text, pattern)) return std::move(*out);
  return error_at(file_, entry.value.begin, in_quotes(*text) + " is not " + what,
                  "the form is \"" + example + "\"");
}

Result<GuestConf> Reader::guest(const TomlValue& root) {
  for (const TomlEntry& entry : root.entries)
    if (auto done = guest_entry(entry); !done) return fail(done.error());
  if (conf_.gpu == Gpu::automatic) conf_.gpu = defaults_.gpu;
  return std::move(conf_);
}

Result<void> Reader::guest_entry(const TomlEntry& entry) {
  if (entry.key == "guest") {
    auto value = string(entry, "win10");
    if (!value) return fail(value.error());
    conf_.guest = std::move(*value);
  } else if (entry.key == "uuid") {
    auto value = formed(entry, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "a UUID",
                        "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
    if (!value) return fail(value.error());
    conf_.uuid = std::move(*value);
  } else if (entry.key == "gpu") {
    const auto value = choice(file_, entry, gpus);
    if (!value) return fail(value.error());
    conf_.gpu = *value;
  } else if (entry.key == "device") {
    return devices(entry);
  } else {
    return unknown_key(
        file_, entry,
        {"outside of a [[device]]", guest_keys(), device_keys(), "it belongs below a line [[device]]"});
  }
  return {};
}

Result<void> Reader::devices(const TomlEntry& entry) {
  const bool is_list = entry.value.type == TomlValue::Type::array &&
                       std::all_of(entry.value.items.begin(), entry.value.items.end(),
                                   [](const TomlValue& item) { return item.type == TomlValue::Type::table; });
  if (!is_list)
    return error_at(file_, entry.value.begin, "'device' must be a list of devices",
                    "begin each device with a line [[device]], in double brackets");
  for (const TomlValue& item : entry.value.items) {
    auto value = device(item);
    if (!value) return fail(value.error());
    conf_.devices.push_back(std::move(*value));
  }
  return {};
}

Result<DeviceConf> Reader::device(const TomlValue& table) {
  DeviceConf out = defaults_.device({});
  const TomlEntry* address = nullptr;
  const TomlEntry* virsh = nullptr;
  for (const TomlEntry& entry : table.entries) {
    if (entry.key == "address") address = &entry;
    if (entry.key == "virsh") virsh = &entry;
    if (auto done = device_entry(entry, out); !done) return fail(done.error());
  }
  if (!address)
    return error_at(file_, table.begin, "this device has no address",
                    "add a line address = \"0000:02:00.0\"");
  if (virsh)
    if (auto done = check_virsh(*virsh, out.address); !done) return fail(done.error());
  const auto [first, is_new] = seen_.try_emplace(out.address, address->value.begin);
  if (!is_new)
    return error_at(
        file_, address->value.begin,
        out.address.text() + " is there twice, first in line " + std::to_string(first->second.line),
        "delete one of the two");
  return out;
}

Result<void> Reader::device_entry(const TomlEntry& entry, DeviceConf& out) const {
  if (entry.key == "address") {
    const auto text = string(entry, "0000:02:00.0");
    if (!text) return fail(text.error());
    const auto address = parse_pci_address(*text);
    if (!address) return error_at(file_, entry.value.begin, address.error().message, address.error().remedy);
    out.address = *address;
  } else if (entry.key == "virsh") {
    const auto text = string(entry, "pci_0000_02_00_0");
    if (!text) return fail(text.error());
  } else if (entry.key == "identity") {
    auto value = formed(entry, "xxxx:xxxx xxxx:xxxx xxxxxx", "an identity (vendor:device, subsystem, class)",
                        "10de:2484 1462:3909 030000");
    if (!value) return fail(value.error());
    out.identity = std::move(*value);
  } else if (is_setting(entry.key)) {
    return read_setting(entry, file_, out);
  } else {
    return unknown_key(
        file_, entry,
        {"in a [[device]]", device_keys(), guest_keys(), "it belongs above the first line [[device]]"});
  }
  return {};
}

// Two names for one device that disagree: which of them was meant, only the user knows.
Result<void> Reader::check_virsh(const TomlEntry& entry, const PciAddress& address) const {
  if (entry.value.string == address.node_device_name()) return {};
  return error_at(
      file_, entry.value.begin,
      "virsh = " + in_quotes(entry.value.string) + " is not the device at address " + address.text(),
      "write virsh = \"" + address.node_device_name() + "\" (or leave the line out), or correct the address");
}

}  // namespace

const std::vector<std::string_view>& guest_keys() {
  static const std::vector<std::string_view> keys = {"guest", "uuid", "gpu", "device"};
  return keys;
}

const std::vector<std::string_view>& device_keys() {
  static const std::vector<std::string_view> keys = {"address", "virsh", "identity",
                                                     "detach",  "reset", "allow_in_use"};
  return keys;
}

const std::vector<std::string_view>& default_keys() {
  static const std::vector<std::string_view> keys = {"gpu", "detach", "reset", "allow_in_use"};
  return keys;
}

const char* to_string(Gpu value) {
  return name_of(value, gpus);
}
const char* to_string(Detach value) {
  return name_of(value, detaches);
}
const char* to_string(Reset value) {
  return name_of(value, resets);
}

const DeviceConf* GuestConf::find(const PciAddress& address) const {
  const auto found = std::find_if(devices.begin(), devices.end(),
                                  [&](const DeviceConf& device) { return device.address == address; });
  return found == devices.end() ? nullptr : &*found;
}

DeviceConf Defaults::device(const PciAddress& address) const {
  return {.address = address, .detach = detach, .reset = reset, .allow_in_use = allow_in_use};
}

Result<GuestConf> parse_guest_conf(std::string_view text, const std::string& file, const Defaults& defaults) {
  const auto root = parse_toml(text, file);
  if (!root) return fail(root.error());
  return read_guest_conf(*root, file, defaults);
}

Result<GuestConf> read_guest_conf(const TomlValue& root, const std::string& file, const Defaults& defaults) {
  return Reader(file, defaults).guest(root);
}

Result<void> read_default(const TomlEntry& entry, const std::string& file, Defaults& out) {
  if (is_setting(entry.key)) return read_setting(entry, file, out);
  if (entry.key != "gpu") return unknown_key(file, entry, {"in [defaults]", default_keys()});
  const auto value = choice(file, entry, gpus);
  if (!value) return fail(value.error());
  out.gpu = *value;
  return {};
}

}  // namespace qh::config
