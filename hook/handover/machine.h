// The ports with the real host behind them.
#pragma once

#include "handover/ports.h"
#include "host/host.h"
#include "libvirt/daemon.h"

namespace qh::handover {

struct Machine {
  Machine(const host::Host& host, const config::HostConf& conf, host::Log& log)
      : daemon(libvirt::connection_uri(host), conf.deadlines.connect),
        services(host),
        ports{host, daemon, modprobe, services, log, conf} {}

  host::Modprobe modprobe;
  libvirt::Daemon daemon;  // nothing is loaded before its first call
  host::RealServices services;
  Ports ports;
};

}  // namespace qh::handover
