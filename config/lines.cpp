#include "config/lines.h"

#include "core/text.h"

namespace qh::config {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

}  // namespace

Lines::Lines(std::string_view text) {
  if (text.substr(0, byte_order_mark.size()) == byte_order_mark) {
    mark_ = byte_order_mark;
    text.remove_prefix(byte_order_mark.size());
  }
  newline_at_end_ = text.empty() || text.back() == '\n';
  while (!text.empty()) {
    const auto newline = text.find('\n');
    const std::size_t length = newline == std::string_view::npos ? text.size() : newline;
    std::string_view line = text.substr(0, length);
    std::string_view end = newline == std::string_view::npos ? "" : "\n";
    if (!end.empty() && !line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
      end = "\r\n";
    }
    if (lines_.empty() && !end.empty()) line_end_ = end;
    lines_.push_back({std::string(line), std::string(end)});
    text.remove_prefix(newline == std::string_view::npos ? length : length + 1);
  }
}

bool Lines::blank(std::size_t at) const {
  return trimmed(lines_[at].text).empty();
}

bool Lines::comment(std::size_t at) const {
  const std::string_view text = trimmed(lines_[at].text);
  return !text.empty() && text.front() == '#';
}

void Lines::insert(std::size_t at, const std::vector<std::string>& texts) {
  std::vector<Line> added;
  for (const std::string& text : texts) added.push_back({text, line_end_});
  lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(at), added.begin(), added.end());
}

void Lines::erase(std::size_t begin, std::size_t end) {
  lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(begin),
               lines_.begin() + static_cast<std::ptrdiff_t>(end));
}

std::string Lines::text() const {
  std::string out = mark_;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    out += lines_[i].text;
    if (i + 1 < lines_.size() || newline_at_end_) out += lines_[i].end.empty() ? line_end_ : lines_[i].end;
  }
  return out;
}

}  // namespace qh::config
