#include "libvirt/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "host/names.h"
#include "host/processes/process.h"
#include "libvirt/connection.h"

namespace qh::libvirt {
namespace {

// A connection and a look-up are answered by threads that the daemon keeps for them; the work itself, and
// this question too, only by its ordinary workers. A call that waits for one would be done one day, with
// nobody left to hear of it and the device perhaps elsewhere; this one does no harm however late.
Result<std::string> wait_for_worker(const Connection& libvirt, virNodeDevicePtr device) {
  char* xml = libvirt.node_device_xml(device, 0);
  Error error;
  if (xml == nullptr) error = libvirt.last_error("libvirt does not describe the device");
  std::free(xml);
  if (error.is(ErrorKind::unavailable)) return fail(error);
  return std::string();
}

// The servant's side. A question is a letter and a device's name.
Result<std::string> answer(const Connection& libvirt, const std::string& question) {
  const char verb = question[0];
  const std::string name = question.substr(1);
  const virNodeDevicePtr device = libvirt.node_device_lookup(libvirt.handle, name.c_str());
  if (device == nullptr) {
    // Whether a worker is free cannot be asked then; the call itself will say so, and others may be known.
    if (verb == 'w') return std::string();
    return fail(libvirt.last_error("libvirt does not know " + name));
  }
  Result<std::string> result;
  if (verb != 'w') host::Child::outlive_parent();
  if (verb == 'w')
    result = wait_for_worker(libvirt, device);
  else if (verb == 'd' && libvirt.node_device_detach(device, nullptr, 0) < 0)
    result = fail(libvirt.last_error("libvirt's detach"));
  else if (verb == 'r' && libvirt.node_device_reattach(device) < 0)
    result = fail(libvirt.last_error("libvirt's reattach"));
  libvirt.node_device_free(device);
  return result;
}

}  // namespace

std::string connection_uri(const host::Host& host) {
  if (host.is_copy()) return "qemu+unix:///system?socket=" + host.path(names::libvirt_socket);
  // With both kinds of daemon installed the library may pick the other one, whose lists of devices differ.
  // NixOS wraps them: ".libvirtd-wrapp".
  const std::string parent = host::command_name(host, ::getppid());
  if (parent.find("virtqemud") != std::string::npos) return "qemu:///system?mode=direct";
  if (parent.find("libvirtd") != std::string::npos) return "qemu:///system?mode=legacy";
  return "qemu:///system";
}

Result<void> Daemon::start() {
  auto servant = start_servant(uri_, answer);
  if (!servant) return fail(servant.error());
  servant_.emplace(std::move(*servant));
  servant_->put("");
  opening_.emplace();
  return {};
}

void Daemon::open_ahead() {
  if (!servant_ && !gave_up_) (void)start();
}

Result<void> Daemon::connect(const std::string& name) {
  if (gave_up_) return fail(*gave_up_);
  if (servant_ && !opening_) return {};
  if (!servant_)
    if (auto started = start(); !started) return started;
  // The time counts from the start: a daemon that never answers has used it up while the drivers let go. But
  // what held these may have held the daemon too, and now it has a moment to catch up.
  const Milliseconds left = std::max(connect_timeout_ - opening_->elapsed(), connect_timeout_ / 3);
  opening_.reset();
  auto connected = servant_->answer("connecting to libvirt", left);
  if (connected)
    connected = servant_->ask("waiting for a worker of libvirt to be free", "w" + name, connect_timeout_);
  if (connected) return {};
  give_up(connected.error());
  return fail(*gave_up_);
}

void Daemon::give_up(Error error) {
  servant_.reset();
  error.kind = ErrorKind::unavailable;
  gave_up_ = std::move(error);
}

Result<void> Daemon::call(char verb, const std::string& name, Milliseconds timeout) {
  if (const auto connected = connect(name); !connected) return connected;
  const auto done =
      servant_->ask(verb == 'd' ? "libvirt's detach of " + name : "libvirt's reattach of " + name,
                    verb + name, timeout, host::Servant::Overdue::waits_on);
  // A daemon that did not answer once is not asked again: every further device would wait as long.
  if (!done && done.error().is(ErrorKind::timed_out)) give_up(done.error());
  return outcome(done);
}

}  // namespace qh::libvirt
