#include "config/conf_text.h"

#include <algorithm>
#include <cstdio>

#include "config/guest_settings.h"
#include "core/text.h"

namespace qh::config {
namespace {

constexpr std::size_t comment_column = 30;

// `setting`, and the comment behind it where the other lines have theirs.
std::string with_comment(std::string setting, const std::string& comment) {
  if (comment.empty()) return setting;
  setting.resize(std::max(setting.size() + 2, comment_column), ' ');
  return setting + "# " + comment;
}

// With blanks before the "=", so that those of short keys stand below each other.
std::string aligned(std::string line) {
  constexpr std::size_t column = 7;
  const std::size_t equals = line.find('=');
  if (equals < column) line.insert(equals, column - equals, ' ');
  return line;
}

// Fit for a comment: one line, no control characters, valid UTF-8.
std::string comment_text(std::string_view text) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f)
      out += c;
    else if (c == '\t' || c == '\n' || c == '\r')
      out += ' ';
  }
  return printable(trimmed(out));
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // TOML allows the C1 control characters (U+0080..U+009F), but a conf is looked at in terminals.
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c < 0x20 || c == 0x7f || c1) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04X",
                    unsigned{c1 ? static_cast<unsigned char>(text[++i]) : c});
      out += escape;
    } else {
      out += text[i];
    }
  }
  return out + "\"";
}

std::vector<std::string> device_block(const WantedDevice& device) {
  std::vector<std::string> lines = {
      with_comment("[[device]]", comment_text(device.name)),
      "address  = " + toml_string(device.address.text()),
      "virsh    = " + toml_string(device.address.node_device_name()),
  };
  if (!device.identity.empty())
    lines.push_back(with_comment("identity = " + toml_string(device.identity),
                                 "vendor:device, subsystem, class: the card that was meant"));
  for (const auto& setting : device_settings()) {
    const bool is_set = device.reserve && setting.key == std::string_view("reserve");
    const std::string line = is_set ? setting.line(to_string(*device.reserve))
                                    : "# " + aligned(setting.line(setting.word(DeviceConf{})));
    lines.push_back(with_comment(line, setting.comment));
  }
  return lines;
}

std::vector<std::string> new_conf_head(const WantedGuest& guest) {
  std::vector<std::string> lines = {
      "# Devices of the host that " + comment_text(guest.name) +
          " uses. qemu-hook keeps the list in step with the domain's XML;",
      "# settings and comments are yours and stay.",
      "guest = " + toml_string(guest.name),
  };
  if (!guest.uuid.empty()) lines.push_back("uuid  = " + toml_string(guest.uuid));
  lines.push_back(with_comment("gpu   = \"auto\"", gpu_setting().comment));
  return lines;
}

}  // namespace qh::config
