// Values of a domain's XML: character references resolved, numbers and UUIDs as libvirt reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qh::xml {

// Where a raw value stood: XML treats line breaks differently in the two places.
enum class Place { attribute, content };

// Resolves XML's own five entities and character references, nothing else. Nothing if the value has any other
// entity, a reference to a character that XML forbids (NUL above all), or a lone '&'.
std::optional<std::string> unescape(std::string_view raw, Place place);

// As libvirt's virStrToLong_uip(s, NULL, 0, …): C's base 0 (0x1f, 31, 010 is 8), leading blanks and a '+'
// accepted; nothing for an empty value, a '-', anything behind the digits, or more than 32 bits.
std::optional<std::uint32_t> parse_uint(const std::string& text);

// As libvirt's virUUIDParse, written 8-4-4-4-12 in lower case; nothing if it is not a UUID.
std::optional<std::string> canonical_uuid(std::string_view text);

}  // namespace qh::xml
