// Small text functions that are used everywhere.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qh {

// The value of a hexadecimal digit, or -1.
int hex_digit(char c);

// ASCII letters in lower case; all else as it is.
std::string lower_case(std::string_view text);

bool valid_utf8(std::string_view text);

// Without the blanks and newlines at both ends.
std::string_view trimmed(std::string_view text);

// 'text' in single quotes, with control characters and bytes that are not UTF-8 shown as \xNN: a name
// from outside can then neither break a log line nor send escape sequences to a terminal.
std::string in_quotes(std::string_view text);
// The same without the quotes.
std::string printable(std::string_view text);

// `text` with another text in place of each `c`.
std::string replaced(std::string_view text, char c, std::string_view by);

// As one word for a shell: in single quotes, where nothing but their end means anything (POSIX, XCU 2.2.2).
std::string shell_quoted(std::string_view text);

// "a, b, c".
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

// "a, b, c, d, e, f and 3 more": what still fits into a sentence.
std::string join_few(std::vector<std::string> parts);

// `text` as one word without blanks: what is not printable ASCII, and "%", as %XX; an empty text as "-",
// which is itself written as %2D. And back; nothing where a % is not followed by two hexadecimal digits.
std::string to_word(std::string_view text);
std::optional<std::string> from_word(std::string_view word);

std::vector<std::string_view> split(std::string_view text, char separator);
// What stands between blanks, tabs and newlines.
std::vector<std::string_view> words(std::string_view text);

// The number at the beginning of the text, as strtoull(3) reads it; 0 if there is none.
template <class T = std::uint64_t>
T to_number(std::string_view text, int base = 10) {
  return static_cast<T>(std::strtoull(std::string(text).c_str(), nullptr, base));
}

// `text` in lines of at most `width` bytes, broken at blanks.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

// A guest's name as a file name, without extension: everything but [A-Za-z0-9_.-], and a leading dot, as
// %NN. What would grow too long for a file name is cut and ends in "~" and a hash of the whole name.
std::string guest_file_name(std::string_view guest);
// The way back, for a name that was not cut.
std::string guest_of_file_name(std::string_view file_name);

}  // namespace qh
