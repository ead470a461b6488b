#include "property.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/text.h"

namespace qh::fuzz {
namespace {

// The number that `text` begins with, taken off it together with the ':' behind it; 0 if there is none.
std::size_t take_number(std::string_view& text) {
  std::size_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  if (end == text.data() || end == text.data() + text.size() || *end != ':') return 0;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return number;
}

}  // namespace

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

bool fit_for_terminal(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return valid_utf8(text);
}

void require_bad_input(const Error& error) {
  require(error.is(ErrorKind::bad_input), "the error is one of the input");
  require(!error.message.empty() && error.message.back() != ' ', "the error has a reason");
  require(fit_for_terminal(error.message), "the message is fit for a terminal");
  require(fit_for_terminal(error.remedy), "the remedy is fit for a terminal");
}

void require_place(const Error& error, const std::string& file, std::string_view text) {
  require_bad_input(error);
  std::string_view rest = error.message;
  require(rest.substr(0, file.size() + 1) == file + ":", "the message begins with the file");
  rest.remove_prefix(file.size() + 1);
  const auto lines = 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const std::size_t line = take_number(rest), column = take_number(rest);
  require(line >= 1 && line <= lines, "the message names a line that the text has");
  require(column >= 1 && column <= text.size() + 1, "the message names a column that the text can have");
}

}  // namespace qh::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  qh::fuzz::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
