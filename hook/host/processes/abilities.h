// What this process may do on the host, however it is confined: by AppArmor, by SELinux, or by the settings
// of the daemon's unit. Tried, not concluded from any of them, and without changing anything.
#pragma once

#include <string>
#include <vector>

#include "host/host.h"

namespace qh::host {

// What the process is about to need, besides sysfs and a look at other processes.
struct Needs {
  bool modules = true;
  bool services = true;
  bool network = true;
};

// `what` goes behind "cannot": "write to /sys/bus/pci/drivers_probe: Read-only file system".
struct Lack {
  std::string what;
  std::string remedy;
};

// ProtectKernelModules= takes this away, and hides /lib/modules as well: what is installed cannot be told
// then.
bool may_load_modules(const Host& host);

// Nothing without root, which has the remedy first.
std::vector<Lack> find_lacks(const Host& host, const Needs& needs);

}  // namespace qh::host
