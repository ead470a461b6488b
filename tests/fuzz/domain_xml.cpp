// Domain XML: what a domain says is in range, each device once, and no error can hurt a terminal.
#include <algorithm>
#include <set>

#include "property.h"
#include "xml/domain.h"
#include "xml/values.h"

namespace qh::fuzz {

void check(std::string_view input) {
  const auto domain = xml::parse_domain(std::string(input));
  if (!domain) return require_bad_input(domain.error());
  std::set<PciAddress> seen;
  for (const xml::HostDevice& device : domain->devices) {
    const PciAddress& a = device.address;
    require(a.slot <= 0x1f && a.function <= 7, "the address is one that PCI has");
    require(seen.insert(a).second, "each address is there once");
    require(*xml::to_string(device.source) != '\0', "the source has a name");
  }
  require(domain->uuid.empty() || xml::canonical_uuid(domain->uuid) == domain->uuid, "the UUID is canonical");
  for (const auto* files : {&domain->images, &domain->rom_files})
    for (const std::string& file : *files)
      require(!file.empty() && file.find('\0') == std::string::npos, "the file can be one");
  // What the guest's own metadata says is nobody's business.
  const auto end = input.rfind("</domain>");
  if (end == std::string_view::npos || input.find("<!--", end) != std::string_view::npos) return;
  const std::string decoy =
      "<metadata><devices><hostdev mode='subsystem' type='pci'><source/></hostdev></devices></metadata>";
  auto more = xml::parse_domain(std::string(input.substr(0, end)) + decoy + std::string(input.substr(end)));
  if (more) require(more->devices == domain->devices, "only /domain/devices is looked at");
}

}  // namespace qh::fuzz
