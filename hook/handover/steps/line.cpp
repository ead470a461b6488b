#include "handover/steps/line.h"

#include <algorithm>

#include "core/text.h"

namespace qh::handover {
namespace {

constexpr std::string_view list_of_names = "for";

bool is_name(std::string_view text) {
  constexpr std::string_view more = "_.@:\\-";
  if (text.empty() || text == "." || text == ".." || text[0] == '-') return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           more.find(c) != std::string_view::npos;
  });
}

}  // namespace

void LineWriter::add(const std::vector<PciAddress>& addresses) {
  for (const auto& address : addresses) add(address);
}

void LineWriter::add(const std::vector<std::string>& names) {
  add(std::string(list_of_names));
  for (const auto& name : names) add(name);
}

void LineWriter::add(const DeviceState& device) {
  add(device.address);
  add(to_word(device.host_driver));
  add(to_word(device.driver_override));
}

bool LineReader::take(std::string& name) {
  if (at_end() || !is_name(words_[next_])) return false;
  name = words_[next_++];
  return true;
}

bool LineReader::take(PciAddress& address) {
  const auto parsed =
      at_end() ? fail(ErrorKind::bad_input, "no address") : parse_pci_address(words_[next_++]);
  if (parsed) address = *parsed;
  return parsed.has_value();
}

bool LineReader::take(std::vector<PciAddress>& addresses) {
  while (!at_end() && words_[next_] != list_of_names)
    if (!take(addresses.emplace_back())) return false;
  return true;
}

bool LineReader::take(std::vector<std::string>& names) {
  if (at_end() || words_[next_++] != list_of_names) return false;
  while (!at_end())
    if (!take(names.emplace_back())) return false;
  return true;
}

bool LineReader::take(DeviceState& device) {
  if (!take(device.address)) return false;
  for (auto* driver : {&device.host_driver, &device.driver_override}) {
    const auto name = at_end() ? std::nullopt : from_word(words_[next_++]);
    // Names of drivers become file names below /sys.
    if (!name || name->find('/') != std::string::npos || *name == "..") return false;
    *driver = *name;
  }
  return true;
}

}  // namespace qh::handover
