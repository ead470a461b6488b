// What a libvirt domain's XML says about devices of the host.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "core/result.h"

namespace qh::xml {

// The element that names the device. Documented in libvirt's formatdomain.
enum class Source { hostdev, interface, disk };
const char* to_string(Source source);  // "hostdev", "interface", "disk"

// A PCI function of the host that the guest uses: its *source* address, never the guest's.
struct HostDevice {
  PciAddress address;
  Source source = Source::hostdev;
  bool managed = false;  // libvirt detaches and reattaches it by itself

  bool operator==(const HostDevice&) const = default;
};

struct Domain {
  std::string name;
  std::string uuid;                    // lower case, empty if the XML has none
  std::vector<HostDevice> devices;     // each address once, in the order of the XML
  std::vector<std::string> images;     // files and block devices behind the guest's own disks
  std::vector<std::string> rom_files;  // <rom file='…'> of its host devices
};

// libvirt's own limit for a string is 4 MiB; what it prints can grow somewhat.
inline constexpr std::size_t largest_domain_xml = 16U << 20U;

// Reads a domain's XML. Only /domain/devices is looked at; metadata and the like are the user's.
// Entities are never expanded beyond XML's own five. Fails with bad_input, naming line or value:
// not well-formed, no <domain>, too large, an address out of range. The text is never in the error
// (it can carry passwords).
Result<Domain> parse_domain(std::string text);

}  // namespace qh::xml
