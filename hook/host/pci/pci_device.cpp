#include "host/pci/pci_device.h"

#include <algorithm>

#include "core/text.h"
#include "host/names.h"

namespace qh::host {
namespace {

// From "pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00" (modalias_show in drivers/pci/pci-sysfs.c);
// empty for anything else.
std::string identity_of(const std::string& modalias) {
  constexpr std::string_view form = "pci:vXXXXXXXXdXXXXXXXXsvXXXXXXXXsdXXXXXXXXbcXXscXXiXX";
  const bool is_formed = std::equal(modalias.begin(), modalias.end(), form.begin(), form.end(),
                                    [](char c, char f) { return f == 'X' ? hex_digit(c) >= 0 : c == f; });
  if (!is_formed) return "";
  const std::string text = lower_case(modalias);
  return text.substr(9, 4) + ":" + text.substr(18, 4) + " " + text.substr(28, 4) + ":" + text.substr(38, 4) +
         " " + text.substr(44, 2) + text.substr(48, 2) + text.substr(51, 2);
}

std::optional<PciAddress> behind(const Host& host, const std::string& link) {
  const auto function = parse_pci_address(host.sysfs.link(link).value_or(""));
  return function ? std::optional(*function) : std::nullopt;
}

}  // namespace

std::string bound_driver(const Host& host, const PciAddress& address) {
  return host.sysfs.link(names::attribute(address, "driver")).value_or("");
}

bool is_on_vfio(const Host& host, const PciAddress& address) {
  const std::string driver = bound_driver(host, address);
  // A variant driver (mlx5-vfio-pci, nvgrace-gpu-vfio-pci) is known by the character device that the kernel's
  // vfio core makes for it (Documentation/ABI/testing/sysfs-devices-vfio-dev).
  return driver == names::vfio_pci ||
         (!driver.empty() && host.sysfs.exists(names::attribute(address, "vfio-dev")));
}

std::optional<PciDevice> read_pci_device(const Host& host, const PciAddress& address) {
  const auto modalias = host.sysfs.read(names::attribute(address, "modalias"));
  if (!modalias && modalias.error().is(ErrorKind::not_found)) return std::nullopt;
  PciDevice d;
  d.address = address;
  d.identity = identity_of(modalias.value_or(""));
  d.driver = bound_driver(host, address);
  d.on_vfio = is_on_vfio(host, address);
  d.iommu_group = host.sysfs.link(names::attribute(address, "iommu_group")).value_or("");
  return d;
}

Result<void> answers(const Host& host, const PciAddress& address) {
  // The command register, of which some bits are always 0, as the kernel asks it after a reset (pci_dev_wait
  // in drivers/pci/pci.c). The vendor ID of a virtual function reads 0xffff, and the attribute `vendor` is
  // the kernel's memory. No more is read: some devices do not bear it (pci_read_config in
  // drivers/pci/pci-sysfs.c).
  constexpr std::size_t command = 4, size = 2;
  const auto config = host.sysfs.read_bytes(names::attribute(address, "config"), command + size);
  if (!config) return fail(config.error());
  if (config->substr(std::min(command, config->size())) != "\xff\xff" && config->size() == command + size)
    return {};
  return fail(ErrorKind::failed, "its configuration space reads as all ones");
}

std::vector<PciAddress> list_pci_addresses(const Host& host) {
  std::vector<PciAddress> all;
  for (const auto& name : host.sysfs.list(names::pci_devices))
    if (const auto address = parse_pci_address(name)) all.push_back(*address);
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<PciAddress> virtual_functions(const Host& host, const PciAddress& address) {
  // The links virtfn0, virtfn1, … and not the number in `sriov_numvfs`: in many kernels reading that takes
  // the device's lock (sriov_numvfs_show in drivers/pci/iov.c, commit 35ff867b7657) and blocks on a driver
  // that hangs. The links are there as long as the functions are (Documentation/ABI/testing/sysfs-bus-pci).
  std::vector<PciAddress> all;
  for (const auto& name : host.sysfs.list(names::device(address)))
    if (name.starts_with("virtfn"))
      if (const auto function = behind(host, names::attribute(address, name))) all.push_back(*function);
  std::sort(all.begin(), all.end());
  return all;
}

std::optional<PciAddress> physical_function(const Host& host, const PciAddress& address) {
  return behind(host, names::attribute(address, "physfn"));
}

}  // namespace qh::host
