#include "handover/steps/kind.h"

#include <algorithm>

#include "core/text.h"

namespace qh::handover {

tl::unexpected<Error> damaged(const Words& words) {
  return fail(ErrorKind::bad_input, "damaged step " + in_quotes(join({words.begin(), words.end()}, " ")));
}

bool is_name(std::string_view text) {
  constexpr std::string_view more = "_.@:\\-";
  if (text.empty() || text == "." || text == ".." || text[0] == '-') return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           more.find(c) != std::string_view::npos;
  });
}

Result<std::string> parse_name(const Words& words) {
  if (words.size() != 2 || !is_name(words[1])) return damaged(words);
  return std::string(words[1]);
}

Result<std::vector<PciAddress>> parse_addresses(const Words& words, std::size_t from, std::size_t to) {
  std::vector<PciAddress> all;
  for (std::size_t i = from; i < to; ++i) {
    const auto address = parse_pci_address(words[i]);
    if (!address) return fail(address.error());
    all.push_back(*address);
  }
  return all;
}

std::string to_words(const std::vector<PciAddress>& addresses) {
  std::vector<std::string> all;
  for (const auto& a : addresses) all.push_back(a.text());
  return join(all, " ");
}

std::string to_words(const DeviceState& device) {
  return device.address.text() + " " + to_word(device.host_driver) + " " + to_word(device.driver_override);
}

Result<DeviceState> parse_device(const Words& words) {
  if (words.size() != 4) return damaged(words);
  const auto address = parse_pci_address(words[1]);
  if (!address) return fail(address.error());
  const auto driver = from_word(words[2]), driver_override = from_word(words[3]);
  if (!driver || !driver_override) return damaged(words);
  // Names of drivers become file names below /sys.
  for (const auto* name : {&*driver, &*driver_override})
    if (name->find('/') != std::string::npos || *name == "..")
      return fail(ErrorKind::bad_input, "no driver can be named " + in_quotes(*name));
  return DeviceState{*address, *driver, *driver_override};
}

}  // namespace qh::handover
