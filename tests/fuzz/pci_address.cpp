// Addresses: every spelling leads to one address, and a remedy that names another one names one that is read.
#include "core/pci_address.h"

#include "property.h"

namespace qh::fuzz {
namespace {

void check_spellings(const PciAddress& address) {
  for (const std::string& spelling : {address.text(), address.node_device_name()}) {
    const auto again = parse_pci_address(spelling);
    require(again && *again == address, "an address is read as it is written");
  }
  require(address.same_slot(address), "an address is in its own slot");
}

}  // namespace

void check(std::string_view input) {
  const auto address = parse_pci_address(input);
  if (address) {
    require(address->slot <= 0x1f && address->function <= 7, "the address is one that PCI has");
    return check_spellings(*address);
  }
  require_bad_input(address.error());
  const std::string_view remedy = address.error().remedy, meant = "did you mean ";
  require(!remedy.empty(), "there is a remedy");
  if (remedy.substr(0, meant.size()) != meant) return;
  const auto guess = parse_pci_address(remedy.substr(meant.size(), remedy.size() - meant.size() - 1));
  require(guess.has_value(), "what was probably meant is an address");
  check_spellings(*guess);
}

}  // namespace qh::fuzz
