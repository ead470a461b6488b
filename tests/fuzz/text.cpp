// The helpers for text from outside: file names of guests, and what is shown.
#include "core/text.h"

#include "property.h"
#include "xml/values.h"

namespace qh::fuzz {
namespace {

void check_file_name(std::string_view guest) {
  const std::string name = guest_file_name(guest);
  require(name.size() < 240, "there is room for a suffix");
  require(name.empty() == guest.empty(), "only no guest has no file");
  require(name.empty() || name.front() != '.', "the file is not hidden, nor . or ..");
  std::string decoded;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    require((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                std::string_view("_.%~-").find(c) != std::string_view::npos,
            "the file's name is plain");
    if (c != '%' || i + 2 >= name.size()) {
      decoded += c;
      continue;
    }
    decoded += static_cast<char>(hex_digit(name[i + 1]) * 16 + hex_digit(name[i + 2]));
    i += 2;
  }
  const bool cut = name.find('~') != std::string::npos;
  require(cut || decoded == guest, "the file's name tells the guest's");
}

}  // namespace

void check(std::string_view input) {
  check_file_name(input);

  const std::string shown = printable(input);
  require(fit_for_terminal(shown), "what is shown is fit for a terminal");
  require(printable(shown) == shown, "what is fit for a terminal is shown as it is");
  require(!fit_for_terminal(input) || shown == input, "what is fit for a terminal is shown as it is");
  require(in_quotes(input) == "'" + shown + "'", "quotes are put around it");

  const std::string_view middle = trimmed(input);
  require(trimmed(middle) == middle && input.find(middle) != std::string_view::npos,
          "only the ends are trimmed");
  std::vector<std::string> parts;
  for (const auto part : split(input, ' ')) parts.emplace_back(part);
  require(join(parts, " ") == input, "what is split can be joined");

  for (const auto place : {xml::Place::attribute, xml::Place::content}) {
    const auto value = xml::unescape(input, place);
    require(!value || value->size() <= input.size(), "a value does not grow");
    require(!value || !valid_utf8(input) || valid_utf8(*value), "a reference is a character");
  }
  (void)xml::parse_uint(std::string(input));
  const auto uuid = xml::canonical_uuid(input);
  require(!uuid || xml::canonical_uuid(*uuid) == uuid, "a UUID is written as it is read");
}

}  // namespace qh::fuzz
