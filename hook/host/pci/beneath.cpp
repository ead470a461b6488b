#include "host/pci/beneath.h"

namespace qh::host {

std::vector<Beneath> links_beneath(const Host& host, const std::string& folder, const PciAddress& address) {
  // These links name the device's place in the tree of all devices, with each parent
  // (Documentation/ABI/testing/sysfs-devices, Documentation/admin-guide/sysfs-rules.rst): their text is
  // enough, nothing has to be walked, and no attribute is read that could block.
  const std::string parent = "/" + address.text() + "/";
  std::vector<Beneath> all;
  for (auto& name : host.sysfs.list(folder)) {
    const auto target = host.sysfs.link_target(folder + "/" + name);
    const auto at = target ? target->find(parent) : std::string::npos;
    if (at != std::string::npos) all.push_back({std::move(name), target->substr(at + parent.size())});
  }
  return all;
}

}  // namespace qh::host
