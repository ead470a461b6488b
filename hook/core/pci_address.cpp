#include "core/pci_address.h"

#include <cctype>
#include <cstdio>
#include <optional>
#include <vector>

#include "core/text.h"

namespace qh {
namespace {

std::string print(const char* format, const PciAddress& a) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, a.domain, unsigned{a.bus}, unsigned{a.slot},
                unsigned{a.function});
  return buffer;
}

std::optional<std::uint32_t> hex(std::string_view digits, std::size_t least, std::size_t most) {
  if (digits.size() < least || digits.size() > most) return std::nullopt;
  std::uint32_t value = 0;
  for (char c : digits) {
    const int d = hex_digit(c);
    if (d < 0) return std::nullopt;
    value = value * 16 + static_cast<std::uint32_t>(d);
  }
  return value;
}

// Reads the fields between the given separators; the separators decide which of the spellings it is.
std::optional<PciAddress> fields(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> part;
  for (char separator : separators) {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    part.push_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  part.push_back(text);
  std::size_t i = 0;
  PciAddress a;
  if (part.size() == 4) {
    const auto domain = hex(part[i++], 4, 8);
    if (!domain) return std::nullopt;
    a.domain = *domain;
  }
  const auto bus = hex(part[i], 2, 2), slot = hex(part[i + 1], 2, 2), function = hex(part[i + 2], 1, 1);
  if (!bus || !slot || !function || *slot > 0x1f || *function > 7) return std::nullopt;
  a.bus = static_cast<std::uint8_t>(*bus);
  a.slot = static_cast<std::uint8_t>(*slot);
  a.function = static_cast<std::uint8_t>(*function);
  return a;
}

// What a hand-written address probably meant: its hexadecimal runs, read as [domain] bus slot function.
std::optional<PciAddress> guess(std::string_view text) {
  std::vector<std::string> runs(1);
  for (char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)))
      runs.back() += c;
    else if (!runs.back().empty())
      runs.emplace_back();
  }
  if (runs.back().empty()) runs.pop_back();
  // "pci" leaves its "c" behind, "0x" its "0".
  std::erase_if(runs, [](const std::string& r) { return r == "c"; });
  if (runs.size() == 3) runs.insert(runs.begin(), "0000");
  if (runs.size() != 4) return std::nullopt;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t width = i == 0 ? 4 : i == 3 ? 1 : 2;
    if (runs[i].size() < width) runs[i].insert(0, width - runs[i].size(), '0');
    if (i == 3 && runs[i].size() == 2 && runs[i][0] == '0') runs[i].erase(0, 1);
  }
  return fields(runs[0] + ":" + runs[1] + ":" + runs[2] + "." + runs[3], "::.");
}

}  // namespace

std::string PciAddress::text() const {
  return print("%04x:%02x:%02x.%x", *this);
}

std::string PciAddress::node_device_name() const {
  return print("pci_%04x_%02x_%02x_%x", *this);
}

bool PciAddress::same_slot(const PciAddress& other) const {
  return domain == other.domain && bus == other.bus && slot == other.slot;
}

Result<PciAddress> parse_pci_address(std::string_view text) {
  std::optional<PciAddress> a;
  if (text.substr(0, 4) == "pci_") {
    a = fields(text.substr(4), "___");
  } else {
    for (const char* separators : {"::.", ":..", ":."})
      if (!a) a = fields(text, separators);
  }
  if (a) return *a;
  std::string remedy = "write it as 0000:02:00.0 (domain:bus:slot.function, hexadecimal)";
  if (const auto meant = guess(text)) remedy = "did you mean " + meant->text() + "?";
  return fail(ErrorKind::bad_input, in_quotes(text) + " is not a PCI address", remedy);
}

std::vector<std::string> texts(const std::vector<PciAddress>& addresses) {
  std::vector<std::string> all;
  for (const auto& a : addresses) all.push_back(a.text());
  return all;
}

}  // namespace qh
