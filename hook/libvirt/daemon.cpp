#include "libvirt/daemon.h"

#include <unistd.h>

#include <cstdlib>

#include "core/text.h"
#include "host/file.h"
#include "host/names.h"
#include "libvirt/api.h"

namespace qh::libvirt {
namespace {

// The servant's side: one connection, opened by the question "c".
class Connection {
 public:
  explicit Connection(std::string uri) : uri_(std::move(uri)) {}

  Result<std::string> answer(const std::string& question) {
    if (question == "c") return open();
    const std::string name = question.substr(1);
    const virNodeDevicePtr device = api_.node_device_lookup(connection_, name.c_str());
    if (device == nullptr) return fail(api_.last_error("libvirt does not know " + name));
    const bool detach = question[0] == 'd';
    const int rc = detach ? api_.node_device_detach(device, nullptr, 0) : api_.node_device_reattach(device);
    Result<std::string> result{std::string()};
    if (rc < 0) result = fail(api_.last_error(detach ? "libvirt's detach" : "libvirt's reattach"));
    api_.node_device_free(device);
    return result;
  }

 private:
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
  const auto comm = host::read_file("/proc/" + std::to_string(::getppid()) + "/comm");
  return comm ? std::string(trimmed(*comm)) : "";
}

}  // namespace

std::string connection_uri(const std::string& root) {
  if (!root.empty()) return "qemu+unix:///system?socket=" + root + names::libvirt_socket;
  // With both kinds of daemon installed the library may pick the other one, whose lists of devices differ.
  const std::string parent = parent_name();
  if (parent == "virtqemud") return "qemu:///system?mode=direct";
  if (parent == "libvirtd") return "qemu:///system?mode=legacy";
  return "qemu:///system";
}

Result<void> Daemon::connect() {
  if (gave_up_) return fail(*gave_up_);
  if (servant_) return {};
  auto servant = host::Servant::start([connection = Connection(uri_)](const std::string& question) mutable {
    return connection.answer(question);
  });
  if (!servant) return fail(servant.error());
  servant_.emplace(std::move(*servant));
  const auto connected = servant_->ask("connecting to libvirt", "c", connect_timeout_);
  if (connected) return {};
  servant_.reset();
  gave_up_ = connected.error();
  gave_up_->kind = ErrorKind::unavailable;
  return fail(*gave_up_);
}

Result<void> Daemon::call(char verb, const std::string& name, Milliseconds timeout) {
  if (const auto connected = connect(); !connected) return connected;
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

Result<std::string> Daemon::domain_xml(const std::string& guest, Milliseconds timeout) const {
  return host::run_in_child("asking libvirt for " + in_quotes(guest), timeout, [&]() -> Result<std::string> {
    const auto api = Api::load();
    if (!api) return fail(api.error());
    const auto domain_api = DomainApi::load();
    if (!domain_api) return fail(domain_api.error());
    api->set_error_func(nullptr, [](void*, virErrorPtr) {});
    const virConnectPtr connection = api->connect_open(uri_.c_str());
    if (connection == nullptr) {
      Error error = api->last_error("cannot connect to libvirt");
      error.kind = ErrorKind::unavailable;
      return fail(error);
    }
    const virDomainPtr domain = domain_api->lookup(connection, guest.c_str());
    if (domain == nullptr) {
      Error error = api->last_error("libvirt has no guest " + in_quotes(guest));
      const virErrorPtr last = api->get_last_error();
      if (last != nullptr && last->code == VIR_ERR_NO_DOMAIN)
        error = {ErrorKind::not_found, "libvirt has no guest " + in_quotes(guest)};
      return fail(error);
    }
    char* xml = domain_api->xml(domain, VIR_DOMAIN_XML_INACTIVE);
    if (xml == nullptr) return fail(api->last_error("cannot get the XML of " + in_quotes(guest)));
    std::string text = xml;
    std::free(xml);
    return text;
  });
}

}  // namespace qh::libvirt
