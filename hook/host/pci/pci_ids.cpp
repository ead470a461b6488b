#include "host/pci/pci_ids.h"

#include "core/file.h"
#include "core/text.h"

namespace qh::host {
namespace {

const std::string& pci_ids() {
  static const std::string text = [] {
    for (const char* path : {"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"})
      if (auto found = read_file(path, 8U << 20U)) return *found;
    return std::string();
  }();
  return text;
}

// The rest of the line that begins with `start`, searched from `from`; moves `from` behind it.
std::string line_after(const std::string& text, const std::string& start, std::size_t& from,
                       std::size_t end) {
  const auto at = text.find("\n" + start, from);
  if (at == std::string::npos || at >= end) return {};
  const auto name = at + 1 + start.size();
  from = text.find('\n', name);
  if (from == std::string::npos) from = text.size();
  return std::string(trimmed(std::string_view(text).substr(name, from - name)));
}

}  // namespace

std::string pci_name(const std::string& identity, const std::string& otherwise) {
  if (identity.size() < 9 || identity[4] != ':') return otherwise;
  const std::string& text = pci_ids();
  std::size_t at = 0;
  const std::string vendor = line_after(text, identity.substr(0, 4) + "  ", at, text.size());
  if (vendor.empty()) return otherwise;
  // The vendor's devices end where the next line begins with neither a tab nor '#'.
  std::size_t end = at;
  while (end < text.size() && (text[end + 1] == '\t' || text[end + 1] == '#')) {
    end = text.find('\n', end + 1);
    if (end == std::string::npos) end = text.size();
  }
  const std::string device = line_after(text, "\t" + identity.substr(5, 4) + "  ", at, end);
  return device.empty() ? vendor : vendor + " " + device;
}

}  // namespace qh::host
