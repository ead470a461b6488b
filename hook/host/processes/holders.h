// Which processes have a device's nodes open or mapped.
#pragma once

#include <string>
#include <vector>

#include "core/deadline.h"
#include "host/host.h"
#include "host/pci/device_nodes.h"

namespace qh::host {

struct Holder {
  int pid = 0;
  std::string command;  // "gnome-shell"
  DeviceNode node;
  bool mapped = false;  // only mapped: the descriptor is closed, the device is in use all the same
};

struct Holders {
  std::vector<Holder> holders;  // in the order of their pids, and then of the nodes
  // Processes that could not be looked at: another user's, a confined one, one that the kernel holds. Not
  // free of the device: unknown.
  std::vector<int> unknown;
  std::vector<std::string> hidden;  // those of them that this process has no right to look at: "cupsd (812)"
};

// Looks through /proc at all processes, in all namespaces. What is compared is the device's number behind
// each descriptor and mapping, never a path, since containers have nodes of their own; with a `root` that is
// not the host's, descriptors are links in files, and their text counts too. A child does it, since the
// kernel may hold whoever looks at a process: that process is then unknown, and costs `patience`, the time
// without any progress after which the child is given up and another one goes on behind that process.
Holders find_holders(const Host& host, const std::vector<DeviceNode>& nodes,
                     Milliseconds patience = Milliseconds{1000});

// How long whoever waits for holders to go should pause: a look at all processes costs some milliseconds, on
// a big host more.
inline constexpr Milliseconds pause_between_looks{100};

// Who has the devices' nodes open now, but those of what is plugged into them.
std::vector<Holder> holders_of(const Host& host, const std::vector<PciAddress>& devices);

// NVIDIA's, which keeps cards open that are in persistence mode, and closes one whose mode is turned off.
bool is_persistence_daemon(const Holder& holder);

// "Xorg (1201: /dev/dri/card1, /dev/nvidia0), telegram (1500: /dev/dri/renderD128 (mapped))"; the holders of
// one process next to each other, as find_holders() gives them.
std::string describe(const std::vector<Holder>& holders);

}  // namespace qh::host
