#include "config/plain_conf.h"

#include <algorithm>

#include "config/conf_text.h"
#include "core/text.h"

namespace qh::config {
namespace {

struct Setting {
  std::string_view key, value;
};

bool is_key(std::string_view word) {
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

// `key = "value"`, perhaps with a comment behind; no escapes in the value.
std::optional<Setting> setting(std::string_view line) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const auto key = trimmed(line.substr(0, equals)), rest = trimmed(line.substr(equals + 1));
  if (!is_key(key) || rest.size() < 2 || rest[0] != '"') return std::nullopt;
  const auto end = rest.find_first_of("\"\\", 1);
  if (end == std::string_view::npos || rest[end] != '"') return std::nullopt;
  const auto behind = trimmed(rest.substr(end + 1));
  if (!behind.empty() && behind[0] != '#') return std::nullopt;
  return Setting{key, rest.substr(1, end - 1)};
}

// Lower-case hexadecimal digits where `pattern` has an x.
bool has_form(std::string_view text, std::string_view pattern) {
  if (text.size() != pattern.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (pattern[i] == 'x' ? !digit : text[i] != pattern[i]) return false;
  }
  return true;
}

class Reader {
 public:
  bool line(std::string_view line);
  bool finish() { return device_done(); }
  GuestConf conf;

 private:
  bool guest_setting(const Setting& s);
  bool device_setting(const Setting& s);
  // Nothing twice, and what belongs together agrees.
  bool device_done() const;
  bool once(unsigned bit) {
    const bool first = (seen_ & bit) == 0;
    seen_ |= bit;
    return first;
  }

  unsigned seen_ = 0;
  std::string_view virsh_;
};

bool Reader::guest_setting(const Setting& s) {
  if (s.key == "guest") {
    conf.guest = s.value;
    return once(1);
  }
  if (s.key == "uuid") {
    conf.uuid = s.value;
    return once(2) && has_form(s.value, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
  }
  if (s.key != "gpu" || !once(4)) return false;
  for (const Gpu kind : {Gpu::automatic, Gpu::primary, Gpu::secondary, Gpu::none})
    if (s.value == to_string(kind)) {
      conf.gpu = kind;
      return true;
    }
  return false;
}

bool Reader::device_setting(const Setting& s) {
  DeviceConf& device = conf.devices.back();
  if (s.key == "address") {
    const auto address = parse_pci_address(s.value);
    if (!address || !once(1)) return false;
    device.address = *address;
    return true;
  }
  if (s.key == "virsh") {
    virsh_ = s.value;
    return once(2);
  }
  if (s.key != "identity") return false;
  device.identity = s.value;
  return once(4) && has_form(s.value, "xxxx:xxxx xxxx:xxxx xxxxxx");
}

bool Reader::device_done() const {
  if (conf.devices.empty()) return true;
  const auto& device = conf.devices.back();
  if ((seen_ & 1U) == 0) return false;
  if ((seen_ & 2U) != 0 && virsh_ != device.address.node_device_name()) return false;
  return std::none_of(conf.devices.begin(), conf.devices.end() - 1,
                      [&](const auto& other) { return other.address == device.address; });
}

bool Reader::line(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text[0] == '#') return true;
  if (text[0] == '[') {
    const auto behind = text.substr(0, 10) == "[[device]]" ? trimmed(text.substr(10)) : "x";
    if ((!behind.empty() && behind[0] != '#') || !device_done()) return false;
    conf.devices.emplace_back();
    seen_ = 0;
    virsh_ = {};
    return true;
  }
  const auto s = setting(text);
  return s && (conf.devices.empty() ? guest_setting(*s) : device_setting(*s));
}

// Of control characters only tab and newline: TOML has rules for the others.
bool plain_bytes(std::string_view text) {
  bool ascii = true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) ascii = false;
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) return false;
  }
  return ascii || valid_utf8(text);
}

}  // namespace

std::optional<GuestConf> read_plain_conf(std::string_view text) {
  if (!plain_bytes(text)) return std::nullopt;
  Reader reader;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (!reader.line(text.substr(0, end))) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!reader.finish()) return std::nullopt;
  return std::move(reader.conf);
}

}  // namespace qh::config
