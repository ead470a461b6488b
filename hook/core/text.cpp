#include "core/text.h"

#include <cstdio>

namespace qh {
namespace {

constexpr char blanks[] = " \t\r\n";

// Length of the well-formed UTF-8 sequence at the start of 'text', 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char c = byte(0);
  const std::size_t n = c < 0x80                ? 1
                        : c >= 0xc2 && c < 0xe0 ? 2
                        : c >= 0xe0 && c < 0xf0 ? 3
                        : c >= 0xf0 && c < 0xf5 ? 4
                                                : 0;
  if (n == 0 || n > text.size()) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((c == 0xe0 && byte(1) < 0xa0) || (c == 0xed && byte(1) >= 0xa0)) return 0;
  if ((c == 0xf0 && byte(1) < 0x90) || (c == 0xf4 && byte(1) >= 0x90)) return 0;
  return n;
}

void append_hex(std::string& out, const char* format, char c) {
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(static_cast<unsigned char>(c)));
  out += buffer;
}

// Every byte that `keep` does not let stand as %XX.
std::string percent_encoded(std::string_view text, bool (*keep)(char)) {
  std::string out;
  for (const char c : text) {
    if (keep(c))
      out += c;
    else
      append_hex(out, "%%%02X", c);
  }
  return out;
}

// The byte for the "%XX" at the start of `text`; -1 if there is none.
int percent_byte(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_digit(text[1]), low = hex_digit(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    // C1 control characters (U+0080..U+009F) steer terminals too.
    const bool control =
        c < 0x20 || c == 0x7f || (n == 2 && c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (n == 0 || control) {
      append_hex(out, "\\x%02x", text[0]);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, n);
      text.remove_prefix(n);
    }
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  return "'" + printable(text) + "'";
}

std::string replaced(std::string_view text, char c, std::string_view by) {
  std::string out;
  for (const char old : text) out += old == c ? by : std::string_view(&old, 1);
  return out;
}

std::string shell_quoted(std::string_view text) {
  return "'" + replaced(text, '\'', "'\\''") + "'";
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) {
    if (&part != &parts.front()) out += separator;
    out += part;
  }
  return out;
}

std::string join_few(std::vector<std::string> parts) {
  constexpr std::size_t most = 6;
  const std::size_t more = parts.size() > most ? parts.size() - most : 0;
  parts.resize(parts.size() - more);
  return join(parts) + (more > 0 ? " and " + std::to_string(more) + " more" : "");
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> all;
  while (!(text = trimmed(text)).empty()) {
    all.push_back(text.substr(0, text.find_first_of(blanks)));
    text.remove_prefix(all.back().size());
  }
  return all;
}

std::string to_word(std::string_view text) {
  if (text.empty()) return "-";
  if (text == "-") return "%2D";
  return percent_encoded(text, [](char c) { return c > 0x20 && c < 0x7f && c != '%'; });
}

std::optional<std::string> from_word(std::string_view word) {
  if (word == "-") return std::string();
  for (std::size_t i = 0; i < word.size(); ++i)
    if (word[i] == '%' && percent_byte(word.substr(i)) < 0) return std::nullopt;
  return guest_of_file_name(word);
}

std::string guest_file_name(std::string_view guest) {
  std::string out = percent_encoded(guest, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (out.starts_with('.')) out.replace(0, 1, "%2E");
  // NAME_MAX is 255; suffixes such as ".journal.XXXXXX" must fit too.
  constexpr std::size_t longest = 220;
  if (out.size() <= longest) return out;
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (char c : guest) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  char tail[20];
  std::snprintf(tail, sizeof tail, "~%016llx", static_cast<unsigned long long>(hash));
  return out.substr(0, longest - 17) + tail;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines{""};
  for (const auto word : split(text, ' ')) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::string guest_of_file_name(std::string_view file_name) {
  std::string guest;
  for (std::size_t i = 0; i < file_name.size(); ++i) {
    const int byte = percent_byte(file_name.substr(i));
    guest += byte < 0 ? file_name[i] : static_cast<char>(byte);
    if (byte >= 0) i += 2;
  }
  return guest;
}

}  // namespace qh
