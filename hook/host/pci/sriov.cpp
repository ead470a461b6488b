#include "host/pci/sriov.h"

#include <algorithm>

#include "host/names.h"

namespace qh::host {

std::vector<PciAddress> virtual_functions(const Host& host, const PciAddress& address) {
  // The links virtfn0, virtfn1, … and not the number in `sriov_numvfs`: in many kernels reading that takes
  // the device's lock (sriov_numvfs_show in drivers/pci/iov.c, commit 35ff867b7657) and blocks on a driver
  // that hangs. The links are there as long as the functions are (Documentation/ABI/testing/sysfs-bus-pci).
  std::vector<PciAddress> all;
  for (const auto& name : host.sysfs.list(names::device(address))) {
    if (!name.starts_with("virtfn")) continue;
    const auto target = host.sysfs.link(names::attribute(address, name));
    if (const auto function = target ? parse_pci_address(*target) : fail(Error{})) all.push_back(*function);
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::optional<PciAddress> physical_function(const Host& host, const PciAddress& address) {
  const auto target = host.sysfs.link(names::attribute(address, "physfn"));
  const auto function = target ? parse_pci_address(*target) : fail(Error{});
  return function ? std::optional(*function) : std::nullopt;
}

}  // namespace qh::host
