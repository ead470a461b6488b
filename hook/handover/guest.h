// A guest as a handover sees it: the XML says which devices, its conf how, the host what they are.
#pragma once

#include <string>
#include <vector>

#include "config/guest_conf.h"
#include "host/host.h"
#include "host/pci/pci_device.h"
#include "xml/domain.h"

namespace qh::handover {

struct Device {
  xml::HostDevice wanted;
  config::DeviceConf conf;
  std::optional<host::PciDevice> present;  // nothing: it is not on this host now

  const PciAddress& address() const { return wanted.address; }
  // Whether this program detaches it, or leaves it to libvirt (`managed`) or the administrator.
  bool is_ours() const;
};

struct Guest {
  std::string name;
  std::string uuid;
  config::Gpu gpu = config::Gpu::automatic;
  std::vector<Device> devices;
  std::vector<std::string> images;     // files and block devices behind its own disks
  std::vector<std::string> rom_files;  // that its devices are given

  std::vector<PciAddress> addresses() const;
};

// Puts XML, conf and host together. The conf is one that sync() made: it names every device, and the host's
// defaults are in it already.
Guest make_guest(const xml::Domain& domain, const config::GuestConf& conf, const host::Host& host);

}  // namespace qh::handover
