// What sysfs says about one PCI function.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"

namespace qh::host {

struct PciDevice {
  PciAddress address;
  std::string identity;     // "10de:2484 1462:3909 030000": vendor:device, subsystem, class
  std::string driver;       // bound now; empty if none is
  bool on_vfio = false;     // that driver is vfio-pci or a variant of it
  std::string iommu_group;  // its number; empty without an IOMMU

  bool is_display() const { return class_code().substr(0, 2) == "03"; }
  bool is_audio() const { return class_code() == "040300" || class_code() == "040100"; }
  bool is_bridge() const { return class_code().substr(0, 2) == "06"; }
  std::string class_code() const { return identity.size() >= 6 ? identity.substr(identity.size() - 6) : ""; }
  bool operator==(const PciDevice&) const = default;
};

// Nothing if there is no such function. Reads only what never blocks.
std::optional<PciDevice> read_pci_device(const Host& host, const PciAddress& address);

// The bound driver's name, empty for none; `on_vfio` as in PciDevice. Cheap, for waiting on a change.
std::string bound_driver(const Host& host, const PciAddress& address);
bool is_on_vfio(const Host& host, const PciAddress& address);

// Whether the device itself answers. timed_out: the kernel holds its configuration space, as during a reset
// that does not end (pci_wait_cfg in drivers/pci/access.c). failed: it reads as all ones, as where there is
// no device.
Result<void> answers(const Host& host, const PciAddress& address);

// All functions that the host has, in the order of their addresses.
std::vector<PciAddress> list_pci_addresses(const Host& host);

// The virtual functions of a physical function that are switched on; empty for any other function. They
// vanish when the physical function loses its driver.
std::vector<PciAddress> virtual_functions(const Host& host, const PciAddress& address);

// The physical function that a virtual function belongs to; nothing for any other function. A virtual
// function that is removed from the bus is lost: a rescan finds only what has a vendor ID, and that of a
// virtual function reads 0xffff (PCI Express 6.0, 9.3.4.1.1). Only its physical function can make it again,
// together with all others.
std::optional<PciAddress> physical_function(const Host& host, const PciAddress& address);

}  // namespace qh::host
