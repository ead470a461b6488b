// Reaches the libvirt daemon: through one connection, in a child, each call with a deadline.
#pragma once

#include <optional>
#include <string>

#include "host/host.h"
#include "host/processes/child.h"
#include "libvirt/node_devices.h"

namespace qh::libvirt {

// Where to connect. Explicit always: a hook's environment has no default, and the user's may differ.
// `root` moves the socket; without it the daemon that runs this hook is meant, monolithic or modular.
std::string connection_uri(const host::Host& host);

class Daemon : public NodeDevices {
 public:
  // Nothing is loaded or opened before the first call, or before open_ahead().
  Daemon(std::string uri, Milliseconds connect_timeout)
      : uri_(std::move(uri)), connect_timeout_(connect_timeout) {}

  void open_ahead() override;
  int asker(const std::string& name) override { return connect(name) ? servant_->pid() : 0; }
  Result<void> detach(const std::string& name, Milliseconds timeout) override {
    return call('d', name, timeout);
  }
  Result<void> reattach(const std::string& name, Milliseconds timeout) override {
    return call('r', name, timeout);
  }

 private:
  Result<void> call(char verb, const std::string& name, Milliseconds timeout);
  Result<void> start();
  Result<void> connect(const std::string& name);  // name: of a device that it may be asked about
  void give_up(Error reason);

  std::string uri_;
  Milliseconds connect_timeout_;
  std::optional<host::Servant> servant_;
  std::optional<Stopwatch> opening_;  // since the servant was told to connect, until its answer is heard
  std::optional<Error> gave_up_;      // why there is no connection: asked once, then remembered
};

}  // namespace qh::libvirt
