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

  // virNodeDeviceDetachFlags(device, NULL, 0) and virNodeDeviceReAttach for a device by its node device name.
  // unavailable: libvirt does not answer, or not in time to connect; the caller may do it through sysfs.
  // timed_out: the call itself did not end. failed: libvirt's own reason. Success is no proof of a binding.
  virtual Result<void> detach(const std::string& name, Milliseconds timeout) = 0;
  virtual Result<void> reattach(const std::string& name, Milliseconds timeout) = 0;

  // Whether this process asked for the device's detach and got no answer in time: the daemon does it one day.
  virtual bool owes_detach_of(const std::string& name) const = 0;
  // Whether the daemon is through with what others asked it before; also if there is none to do it. Asks
  // about the device `name`.
  virtual bool is_through(const std::string& name) = 0;
};

}  // namespace qh::libvirt
