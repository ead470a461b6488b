// How the members of a step stand in a line of the journal: words, separated by blanks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "handover/steps/kind.h"

namespace qh::handover {

class LineWriter {
 public:
  explicit LineWriter(std::string_view verb) : line_(verb) {}
  const std::string& line() const { return line_; }

  void add(const std::string& name) { line_ += " " + name; }
  void add(const PciAddress& address) { line_ += " " + address.text(); }
  void add(const std::vector<PciAddress>& addresses);
  void add(const std::vector<std::string>& names);  // with "for" in front
  void add(const DeviceState& device);

 private:
  std::string line_;
};

// Each takes the words that belong to it; false: they are no such thing.
class LineReader {
 public:
  explicit LineReader(std::vector<std::string_view> words) : words_(std::move(words)) {}
  bool at_end() const { return next_ == words_.size(); }

  bool take(std::string& name);  // one that can be a file's name below /sys, or a program's argument
  bool take(PciAddress& address);
  bool take(std::vector<PciAddress>& addresses);  // all up to the end, or to a list of names
  bool take(std::vector<std::string>& names);
  bool take(DeviceState& device);

 private:
  std::vector<std::string_view> words_;
  std::size_t next_ = 1;  // behind the verb
};

}  // namespace qh::handover
