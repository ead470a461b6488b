#include "xml/hostdev.h"

#include <cstdio>

namespace qh::xml {

std::string hostdev(const PciAddress& address) {
  char source[128];
  std::snprintf(source, sizeof source,
                "<address domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/>", address.domain,
                unsigned{address.bus}, unsigned{address.slot}, unsigned{address.function});
  return "<hostdev mode='subsystem' type='pci' managed='yes'>\n  <source>\n    " + std::string(source) +
         "\n  </source>\n</hostdev>\n";
}

}  // namespace qh::xml
