#include "xml/values.h"

#include <cstdlib>
#include <limits>

#include "core/text.h"

namespace qh::xml {
namespace {

// The production Char of XML 1.0.
bool is_xml_character(std::uint32_t c) {
  return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) ||
         (c >= 0x10000 && c <= 0x10ffff);
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

// "#10" or "#xA", without '&' and ';'.
std::optional<std::uint32_t> character_reference(std::string_view name) {
  name.remove_prefix(1);
  std::uint32_t base = 10;
  if (!name.empty() && name.front() == 'x') {
    base = 16;
    name.remove_prefix(1);
  }
  if (name.empty()) return std::nullopt;
  std::uint32_t value = 0;
  for (char c : name) {
    const int digit = hex_digit(c);
    if (digit < 0 || static_cast<std::uint32_t>(digit) >= base) return std::nullopt;
    value = value * base + static_cast<std::uint32_t>(digit);
    if (value > 0x10ffff) return std::nullopt;
  }
  if (!is_xml_character(value)) return std::nullopt;
  return value;
}

std::optional<char> predefined_entity(std::string_view name) {
  if (name == "amp") return '&';
  if (name == "lt") return '<';
  if (name == "gt") return '>';
  if (name == "quot") return '"';
  if (name == "apos") return '\'';
  return std::nullopt;
}

}  // namespace

std::optional<std::string> unescape(std::string_view raw, Place place) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '&') {
      const auto end = raw.find(';', i);
      if (end == std::string_view::npos) return std::nullopt;
      const std::string_view name = raw.substr(i + 1, end - i - 1);
      if (name.empty()) return std::nullopt;
      if (name.front() == '#') {
        const auto character = character_reference(name);
        if (!character) return std::nullopt;
        append_utf8(out, *character);
      } else {
        const auto character = predefined_entity(name);
        if (!character) return std::nullopt;
        out += *character;
      }
      i = end;
    } else if (c == '\r') {
      // XML's line ends: \r\n and \r are read as \n.
      if (i + 1 < raw.size() && raw[i + 1] == '\n') ++i;
      out += place == Place::attribute ? ' ' : '\n';
    } else if (place == Place::attribute && (c == '\n' || c == '\t')) {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out;
}

std::optional<std::uint32_t> parse_uint(const std::string& text) {
  if (text.find('-') != std::string::npos) return std::nullopt;  // strtoull would wrap it around
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text.c_str(), &end, 0);
  if (end == text.c_str() || end != text.c_str() + text.size()) return std::nullopt;
  // What does not fit into 64 bits comes as the largest value that does.
  if (value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

std::optional<std::string> canonical_uuid(std::string_view text) {
  std::string digits;
  for (char c : trimmed(text)) {
    if (c == '-') continue;
    const int digit = hex_digit(c);
    if (digit < 0 || digits.size() == 32) return std::nullopt;
    digits += "0123456789abcdef"[digit];
  }
  if (digits.size() != 32) return std::nullopt;
  for (std::size_t at : {20U, 16U, 12U, 8U}) digits.insert(at, 1, '-');
  return digits;
}

}  // namespace qh::xml
