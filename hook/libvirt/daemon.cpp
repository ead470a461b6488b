#include "libvirt/daemon.h"

#include <unistd.h>

#include <algorithm>

#include "core/file.h"
#include "core/text.h"
#include "host/names.h"
#include "libvirt/api.h"

namespace qh::libvirt {
namespace {

// The servant's side: one connection. Questions are "c", which opens it, and a letter with a device's name.
class Connection {
 public:
  explicit Connection(std::string uri) : uri_(std::move(uri)) {}

  Result<std::string> answer(const std::string& question) {
    if (question == "c") return open();
    const std::string name = question.substr(1);
    const virNodeDevicePtr device = api_.node_device_lookup(connection_, name.c_str());
    if (device == nullptr) {
      // Whether a worker is free cannot be asked then; the call itself will say so, and others may be known.
      if (question[0] == 'w') return std::string();
      return fail(api_.last_error("libvirt does not know " + name));
    }
    if (question[0] == 'w') return wait_for_worker(device);
    const bool detach = question[0] == 'd';
    const int rc = detach ? api_.node_device_detach(device, nullptr, 0) : api_.node_device_reattach(device);
    Result<std::string> result{std::string()};
    if (rc < 0) result = fail(api_.last_error(detach ? "libvirt's detach" : "libvirt's reattach"));
    api_.node_device_free(device);
    return result;
  }

 private:
  // A connection and a look-up are answered by threads that the daemon keeps for them; the work itself, and
  // this question too, only by its ordinary workers. A call that waits for one would be done one day, with
  // nobody left to hear of it and the device perhaps elsewhere; this one does no harm however late.
  Result<std::string> wait_for_worker(virNodeDevicePtr device) {
    char* xml = api_.node_device_xml(device, 0);
    Error error;
    if (xml == nullptr) error = api_.last_error("libvirt does not describe the device");
    const bool answered = xml != nullptr || !error.is(ErrorKind::unavailable);
    std::free(xml);
    api_.node_device_free(device);
    if (answered) return std::string();
    return fail(error);
  }

  Result<std::string> open() {
    auto api = Api::load();
    if (!api) return fail(api.error());
    api_ = *api;
    // Otherwise libvirt prints its errors to stderr by itself.
    api_.set_error_func(nullptr, [](void*, virErrorPtr) {});
    connection_ = api_.connect_open(uri_.c_str());
    if (connection_ != nullptr) return std::string();
    Error error = api_.last_error("cannot connect to libvirt");
    error.kind = ErrorKind::unavailable;
    return fail(error);
  }

  std::string uri_;
  Api api_;
  virConnectPtr connection_ = nullptr;
};

std::string parent_name() {
  const auto comm = read_file("/proc/" + std::to_string(::getppid()) + "/comm");
  return comm ? std::string(trimmed(*comm)) : "";
}

}  // namespace

std::string connection_uri(const host::Host& host) {
  if (host.is_copy()) return "qemu+unix:///system?socket=" + host.path(names::libvirt_socket);
  // With both kinds of daemon installed the library may pick the other one, whose lists of devices differ.
  const std::string parent = parent_name();
  if (parent == "virtqemud") return "qemu:///system?mode=direct";
  if (parent == "libvirtd") return "qemu:///system?mode=legacy";
  return "qemu:///system";
}

Result<void> Daemon::start() {
  auto servant = host::Servant::start([connection = Connection(uri_)](const std::string& question) mutable {
    return connection.answer(question);
  });
  if (!servant) return fail(servant.error());
  servant_.emplace(std::move(*servant));
  servant_->put("c");
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
  servant_.reset();
  gave_up_ = connected.error();
  gave_up_->kind = ErrorKind::unavailable;
  return fail(*gave_up_);
}

Result<void> Daemon::call(char verb, const std::string& name, Milliseconds timeout) {
  if (const auto connected = connect(name); !connected) return connected;
  const auto done = servant_->ask(
      verb == 'd' ? "libvirt's detach of " + name : "libvirt's reattach of " + name, verb + name, timeout);
  if (done) return {};
  if (done.error().is(ErrorKind::timed_out) || done.error().is(ErrorKind::unavailable)) {
    // A daemon that did not answer once is not asked again: every further device would wait as long.
    if (done.error().is(ErrorKind::timed_out)) {
      gave_up_ = done.error();
      gave_up_->kind = ErrorKind::unavailable;
      servant_.reset();
    }
  }
  return fail(done.error());
}

}  // namespace qh::libvirt
