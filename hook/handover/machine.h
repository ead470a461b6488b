// The ports with the real host behind them.
#pragma once

#include "handover/ports.h"
#include "libvirt/daemon.h"

namespace qh::handover {

struct Machine {
  Machine(const std::string& root, const config::HostConf& conf, host::Log& log)
      : sysfs(root),
        daemon(libvirt::connection_uri(root), conf.deadlines.connect),
        services(root),
        ports{root, sysfs, daemon, modprobe, services, log, conf} {}

  host::RealSysfs sysfs;
  host::Modprobe modprobe;
  libvirt::Daemon daemon;  // nothing is loaded before its first call
  host::RealServices services;
  Ports ports;
};

}  // namespace qh::handover
