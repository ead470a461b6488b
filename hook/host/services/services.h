// What must make way for a guest on the host, besides the kernel: services, sessions, programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/pci_address.h"
#include "core/result.h"
#include "host/host.h"
#include "host/processes/process.h"

namespace qh::host {

// What keeps the host awake while a guest runs, see Services::hold_awake.
struct Awake {
  std::string unit;      // the transient unit's name, "qemu-hook-awake-….service"
  std::string reason;    // for `systemd-inhibit --list`
  std::string journal;   // the guest's journal
  std::string pid_file;  // libvirt's, with the guest's QEMU
};

// The port; tests have a model's. stop() and start() return when the state is reached, at once if it was, or
// fail.
class Services {
 public:
  virtual ~Services() = default;

  // The display manager that runs, by its own name ("gdm.service", "xdm"); empty if none does.
  // An error: it cannot be told.
  virtual Result<std::string> display_manager() const = 0;
  // The services that run and that go down with this one (PartOf=, BindsTo=, Requires= and the like name it),
  // of which its start brings back only those that it wants itself.
  virtual std::vector<std::string> stopped_with(const std::string& service) const = 0;
  virtual Result<void> stop(const std::string& service, Milliseconds timeout) = 0;
  virtual Result<void> start(const std::string& service, Milliseconds timeout) = 0;

  virtual Result<void> end_session(const std::string& id, Milliseconds timeout) = 0;
  virtual void end_process(const ProcessId& process, bool by_force) = 0;

  // NVIDIA's persistence mode, which keeps the driver on the card without any process. False also where there
  // is none.
  virtual bool has_persistence(const PciAddress& card) const = 0;
  virtual Result<void> set_persistence(const PciAddress& card, bool on, Milliseconds timeout) = 0;

  // Keeps the host from sleeping until let_sleep, and no longer than the guest's journal is there and, some
  // minutes after the beginning, its QEMU runs. Both do nothing if it is so already.
  virtual Result<void> hold_awake(const Awake& awake, Milliseconds timeout) = 0;
  virtual Result<void> let_sleep(const std::string& unit, Milliseconds timeout) = 0;
};

// systemd and logind by their own tools, OpenRC by rc-service; nvidia-smi. For a copy it only reads what
// stands in files there, and runs nothing.
class RealServices : public Services {
 public:
  explicit RealServices(const Host& host) : host_(host) {}

  Result<std::string> display_manager() const override;
  // Also true while it starts or stops.
  bool is_running(const std::string& service) const;
  std::vector<std::string> stopped_with(const std::string& service) const override;
  Result<void> stop(const std::string& service, Milliseconds timeout) override {
    return bring("stop", service, timeout);
  }
  Result<void> start(const std::string& service, Milliseconds timeout) override {
    return bring("start", service, timeout);
  }
  Result<void> end_session(const std::string& id, Milliseconds timeout) override;
  void end_process(const ProcessId& process, bool by_force) override;
  bool has_persistence(const PciAddress& card) const override;
  Result<void> set_persistence(const PciAddress& card, bool on, Milliseconds timeout) override;
  Result<void> hold_awake(const Awake& awake, Milliseconds timeout) override;
  Result<void> let_sleep(const std::string& unit, Milliseconds timeout) override;

 private:
  bool has_systemd() const;
  Result<void> bring(const std::string& verb, const std::string& service, Milliseconds timeout);
  const Host& host_;
};

}  // namespace qh::host
