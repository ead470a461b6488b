// A text as lines that can be edited one by one; everything that is not edited comes out byte for byte: mixed
// line ends, a byte order mark, a missing newline at the end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace qh::config {

class Lines {
 public:
  explicit Lines(std::string_view text);

  std::size_t size() const { return lines_.size(); }
  const std::string& operator[](std::size_t at) const { return lines_[at].text; }  // without its line end
  bool blank(std::size_t at) const;
  bool comment(std::size_t at) const;

  void replace(std::size_t at, std::string text) { lines_[at].text = std::move(text); }
  // New lines get the line end of the text's first line.
  void insert(std::size_t at, const std::vector<std::string>& texts);
  void erase(std::size_t begin, std::size_t end);

  std::string text() const;

 private:
  struct Line {
    std::string text;
    std::string end;
  };

  std::string mark_;  // byte order mark, or empty
  std::string line_end_ = "\n";
  bool newline_at_end_ = true;
  std::vector<Line> lines_;
};

}  // namespace qh::config
