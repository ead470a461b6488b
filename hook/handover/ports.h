// All that a handover acts on: the host and libvirt, each as a port, and how to use them.
#pragma once

#include <string>

#include "config/host_conf.h"
#include "host/log.h"
#include "host/modules.h"
#include "host/services.h"
#include "host/sysfs.h"
#include "libvirt/node_devices.h"

namespace qh::handover {

struct Ports {
  std::string root;  // in front of every path, see QEMU_HOOK_ROOT
  host::Sysfs& sysfs;
  libvirt::NodeDevices& libvirt;
  host::Modules& modules;
  host::Services& services;
  host::Log& log;
  config::HostConf conf;
  // How long a binding may lag behind the write that causes it. On a real kernel it is there when the write
  // returns.
  Milliseconds settle{2000};
};

// How long an attribute is waited for that a driver's hang can block. Healthy ones answer in microseconds.
inline constexpr Milliseconds attribute_timeout{2000};

}  // namespace qh::handover
