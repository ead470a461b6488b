#include "xml/values.h"

#include <charconv>
#include <cstdlib>
#include <limits>
#include <pugixml.hpp>
#include <utility>

#include "core/text.h"

namespace qh::xml {
namespace {

// The production Char of XML 1.0.
bool is_xml_character(std::uint32_t c) {
  return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) ||
         (c >= 0x10000 && c <= 0x10ffff);
}

// What "&NAME;" stands for: one of XML's own five, or a character reference, "#10" or "#xA".
std::optional<std::string> entity(std::string_view name) {
  constexpr std::pair<std::string_view, const char*> predefined[] = {
      {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};
  for (const auto& [known, text] : predefined)
    if (name == known) return text;
  if (!name.starts_with('#')) return std::nullopt;
  const bool is_hexadecimal = name.starts_with("#x");
  name.remove_prefix(is_hexadecimal ? 2 : 1);
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), value, is_hexadecimal ? 16 : 10);
  if (error != std::errc() || end != name.data() + name.size() || !is_xml_character(value))
    return std::nullopt;
  return pugi::as_utf8(std::wstring(1, static_cast<wchar_t>(value)));
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
      const auto text = entity(raw.substr(i + 1, end - i - 1));
      if (!text) return std::nullopt;
      out += *text;
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
