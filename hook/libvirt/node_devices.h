// libvirt's two calls that hand a PCI device over, as a port: the daemon, and in tests a model.
#pragma once

#include <string>

#include "core/deadline.h"
#include "core/result.h"

namespace qh::libvirt {

class NodeDevices {
 public:
  virtual ~NodeDevices() = default;

  // Begins what the first call would have to wait for, and waits for nothing itself. May be left out.
  virtual void open_ahead() {}

  // The process that asks the daemon and waits for its answers; 0: the daemon does not answer. Once it has
  // asked for one of the two below it stays until that is answered, also if this process has ended or waits
  // no longer: the daemon does late what it was asked in vain (seen with 9.0), and as long as this process is
  // there it may. Connects first; asks about the device `name` then.
  virtual int asker(const std::string& name) = 0;

  // virNodeDeviceDetachFlags(device, NULL, 0) and virNodeDeviceReAttach for a device by its node device name.
  // unavailable: libvirt does not answer, or not in time to connect; the caller may do it through sysfs.
  // timed_out: the call itself did not end. failed: libvirt's own reason. Success is no proof of a binding.
  virtual Result<void> detach(const std::string& name, Milliseconds timeout) = 0;
  virtual Result<void> reattach(const std::string& name, Milliseconds timeout) = 0;
};

}  // namespace qh::libvirt
