// All that a handover acts on: the host and libvirt, each as a port, and how to use them.
#pragma once

#include <algorithm>
#include <optional>

#include "config/host_conf.h"
#include "host/host.h"
#include "host/log.h"
#include "host/services/modules.h"
#include "host/services/services.h"
#include "libvirt/node_devices.h"

namespace qh::handover {

struct Ports {
  const host::Host& host;
  libvirt::NodeDevices& libvirt;
  host::Modules& modules;
  host::Services& services;
  host::Log& log;
  config::HostConf conf;
  // How long a binding may lag behind the write that causes it. On a real kernel it is there when the write
  // returns.
  Milliseconds settle{2000};
  // The libvirt daemon that waits for this process, noted before anything else was done; nothing by hand.
  // Once it has ended, nobody will call `release`.
  std::optional<host::ProcessId> daemon = {};
  // Until when all of the `prepare` or `release` must be over; without it, nothing but the single limits
  // counts.
  std::optional<Deadline> whole = {};

  // What is left for something that may take as long as `own`.
  Milliseconds limit(Milliseconds own) const { return whole ? std::min(own, whole->left()) : own; }
};

// Bounds all that is done while it lives. Within another one it can only end earlier.
class Bounded {
 public:
  Bounded(Ports& ports, Milliseconds limit) : ports_(ports), before_(ports.whole) {
    ports.whole = Deadline(ports.limit(limit));
  }
  ~Bounded() { ports_.whole = before_; }
  Bounded(const Bounded&) = delete;
  Bounded& operator=(const Bounded&) = delete;

 private:
  Ports& ports_;
  std::optional<Deadline> before_;
};

}  // namespace qh::handover
