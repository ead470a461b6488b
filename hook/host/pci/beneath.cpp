#include "host/pci/beneath.h"

namespace qh::host {

std::vector<Beneath> links_beneath(const Host& host, const std::string& folder,
                                   const std::vector<PciAddress>& functions) {
  // These links name the device's place in the tree of all devices, with each parent
  // (Documentation/ABI/testing/sysfs-devices, Documentation/admin-guide/sysfs-rules.rst): their text is
  // enough, nothing has to be walked, and no attribute is read that could block.
  std::vector<Beneath> all;
  for (const auto& name : host.sysfs.list(folder)) {
    const auto target = host.sysfs.link_target(folder + "/" + name);
    if (!target) continue;
    for (const auto& function : functions) {
      const std::string parent = "/" + function.text() + "/";
      if (const auto at = target->find(parent); at != std::string::npos)
        all.push_back({name, target->substr(at + parent.size()), function});
    }
  }
  return all;
}

}  // namespace qh::host
