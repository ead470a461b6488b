#include "host/pci/pci_ids.h"

#include <algorithm>

#include "core/file.h"
#include "core/text.h"

namespace qh::host {
namespace {

// Read once: a program has one host. A copy of a host's files may lack this one.
const std::string& pci_ids(const Host& host) {
  static const std::string text = [&] {
    for (const std::string& root : {host.root, std::string()})
      for (const char* path : {"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"})
        if (auto found = read_file(root + path, 8U << 20U)) return *found;
    return std::string();
  }();
  return text;
}

}  // namespace

std::string pci_name(const Host& host, const std::string& identity, const std::string& otherwise) {
  if (identity.size() < 9 || identity[4] != ':') return otherwise;
  std::string_view text = pci_ids(host);
  // Gives the rest of the line that begins so; nothing is left in front of the next one.
  const auto name_after = [&](const std::string& start) {
    const auto at = text.find("\n" + start + "  ");
    text.remove_prefix(std::min(text.size(), at));
    text.remove_prefix(std::min(text.size(), start.size() + 3));
    return std::string(trimmed(text.substr(0, text.find('\n'))));
  };
  const std::string vendor = name_after(identity.substr(0, 4));
  if (vendor.empty()) return otherwise;
  // The vendor's devices end where the next line begins with neither a tab nor '#'.
  auto end = text.find('\n');
  while (end < text.size() - 1 && (text[end + 1] == '\t' || text[end + 1] == '#'))
    end = text.find('\n', end + 1);
  text = text.substr(0, end);
  const std::string device = name_after("\t" + identity.substr(5, 4));
  return device.empty() ? vendor : vendor + " " + device;
}

}  // namespace qh::host
