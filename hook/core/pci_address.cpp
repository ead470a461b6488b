#include "core/pci_address.h"

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

// The runs of hexadecimal digits in a text, and what stands between them.
struct Cut {
  explicit Cut(std::string_view text) {
    for (const char c : text) {
      if (hex_digit(c) >= 0) {
        runs.back() += c;
      } else {
        separators += c;
        runs.emplace_back();
      }
    }
  }
  std::vector<std::string> runs = {""};
  std::string separators;
};

// From the digits of [domain] bus slot function.
std::optional<PciAddress> address_of(std::vector<std::string> digits) {
  if (digits.size() == 3) digits.insert(digits.begin(), "0000");
  if (digits.size() != 4) return std::nullopt;
  const auto length = [&](std::size_t i) { return digits[i].size(); };
  if (length(0) < 4 || length(0) > 8 || length(1) != 2 || length(2) != 2 || length(3) != 1)
    return std::nullopt;
  const PciAddress a{to_number<std::uint32_t>(digits[0], 16), to_number<std::uint8_t>(digits[1], 16),
                     to_number<std::uint8_t>(digits[2], 16), to_number<std::uint8_t>(digits[3], 16)};
  return a.slot > 0x1f || a.function > 7 ? std::nullopt : std::optional(a);
}

// What a hand-written address probably meant.
std::optional<PciAddress> guess(std::vector<std::string> runs) {
  // "pci" leaves its "c" behind.
  std::erase_if(runs, [](const std::string& r) { return r.empty() || r == "c"; });
  for (std::size_t i = 0, left = runs.size(); left > 0; ++i, --left) {
    const std::size_t width = left == 4 ? 4 : left == 1 ? 1 : 2;
    if (runs[i].size() < width) runs[i].insert(0, width - runs[i].size(), '0');
    if (left == 1 && runs[i].size() == 2 && runs[i][0] == '0') runs[i].erase(0, 1);
  }
  return address_of(std::move(runs));
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
  const bool is_node_device = text.starts_with("pci_");
  const Cut cut(text.substr(is_node_device ? 4 : 0));
  const std::string& between = cut.separators;
  if (is_node_device ? between == "___" : between == "::." || between == ":.." || between == ":.")
    if (const auto a = address_of(cut.runs)) return *a;
  std::string remedy = "write it as 0000:02:00.0 (domain:bus:slot.function, hexadecimal)";
  if (const auto meant = guess(cut.runs)) remedy = "did you mean " + meant->text() + "?";
  return fail(ErrorKind::bad_input, in_quotes(text) + " is not a PCI address", remedy);
}

std::vector<std::string> texts(const std::vector<PciAddress>& addresses) {
  std::vector<std::string> all;
  for (const auto& a : addresses) all.push_back(a.text());
  return all;
}

}  // namespace qh
