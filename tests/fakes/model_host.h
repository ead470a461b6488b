// A host made of the models, with all that a handover acts on; a test adds its devices.
#pragma once

#include <unistd.h>

#include <string>

#include "fakes/kernel.h"
#include "fakes/services.h"
#include "handover/ports.h"

namespace qh::fakes {

struct ModelHost {
  TemporaryRoot root;
  Kernel kernel{root};
  Faults faults;
  ModelSysfs sysfs{root, kernel, faults};
  host::Host host{root.path(), sysfs};
  ModelLibvirt libvirt{kernel, faults};
  ModelModules modules{kernel, faults};
  ModelServices services{root, faults};
  host::Log log{host, "test"};
  handover::Ports ports{host, libvirt, modules, services, log, {}};

  ModelHost() {
    ports.settle = Milliseconds{5};
    // The process that calls is taken for libvirt's daemon, and it lives.
    const std::string parent = std::to_string(::getppid());
    root.write("/proc/" + parent + "/stat",
               parent + " (libvirtd) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
    ports.daemon = *host::find_calling_daemon(host);
  }
};

}  // namespace qh::fakes
