// A guest as a handover sees it: the XML says which devices, its conf how, the host what they are.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/guest_conf.h"
#include "handover/steps/step.h"
#include "host/host.h"
#include "host/network/network.h"
#include "host/pci/pci_device.h"
#include "host/storage/storage.h"
#include "xml/domain.h"

namespace qh::handover {

// How far the conf's `reserve` has come for a device.
enum class Reservation {
  none,         // not asked for, or of no meaning for the device
  impossible,   // it carries the host's console
  no_database,  // udev, or what is there in its place, keeps no database: nobody asks for a seat
  missing,      // the rule is not there
  pending,      // the rule is there, and udev has not applied it to the card yet
  in_force,
};

// What hangs on a device, once survey.h has looked.
struct DeviceUse {
  host::StorageUse storage;
  std::vector<host::InterfaceUse> network;
  std::vector<PciAddress> virtual_functions;
  std::optional<std::string> reset_bug;  // the card's family
  Reservation reservation = Reservation::none;
  std::optional<DeviceState> before;  // it is to be detached, and this is how it stands
  bool answers = true;                // its configuration space can be read
};

struct Device {
  xml::HostDevice wanted;
  config::DeviceConf conf;
  std::optional<host::PciDevice> present;  // nothing: it is not on this host now
  DeviceUse use = {};

  const PciAddress& address() const { return wanted.address; }
  bool is_display() const { return present && present->is_display(); }
  // It is here, and not on a VFIO driver already.
  bool is_the_hosts() const { return present && !present->on_vfio; }
  // Whether this program detaches it, or leaves it to libvirt (`managed`) or the administrator.
  bool is_ours() const {
    if (conf.detach != config::Detach::automatic) return conf.detach == config::Detach::always;
    return wanted.source == xml::Source::hostdev || !wanted.managed;
  }
};

struct Guest {
  std::string name;
  std::string uuid;
  config::Gpu gpu = config::Gpu::automatic;
  std::vector<Device> devices;
  std::vector<std::string> images;     // files and block devices behind its own disks
  std::vector<std::string> rom_files;  // that its devices are given

  std::vector<PciAddress> addresses() const {
    return addresses_of([](const Device&) { return true; });
  }
  // Of those for which `is_it` holds.
  template <class Is>
  std::vector<PciAddress> addresses_of(Is is_it) const {
    std::vector<PciAddress> all;
    for (const auto& d : devices)
      if (std::invoke(is_it, d)) all.push_back(d.address());
    return all;
  }
};

// Puts XML, conf and host together. The conf is one that sync() made: it names every device, and the host's
// defaults are in it already.
Guest make_guest(const xml::Domain& domain, const config::GuestConf& conf, const host::Host& host);

}  // namespace qh::handover
