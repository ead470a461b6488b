#include "libvirt/connection.h"

#include <dlfcn.h>

#include <cerrno>
#include <optional>

namespace qh::libvirt {

// Lazily: to bind the thousands of names of libvirt's fifty libraries, most of them never called, costs a
// fifth of loading them. One that cannot be bound ends the process at its first call, and that is a child.
Connection::Connection() : library_(::dlopen("libvirt.so.0", RTLD_LAZY | RTLD_LOCAL)) {}

Connection::Symbol Connection::find(const char* name) {
  void* const found = library_ != nullptr ? ::dlsym(library_, name) : nullptr;
  // At the first name it still tells why the library itself could not be loaded.
  if (const char* reason = ::dlerror(); found == nullptr && missing_.empty())
    missing_ = reason != nullptr ? reason : "unknown reason";
  return {found};
}

Result<void> Connection::open(const std::string& uri) {
  if (!missing_.empty())
    return fail(ErrorKind::unavailable, "libvirt's client library cannot be used: " + missing_);
  // Otherwise libvirt prints its errors to stderr by itself.
  set_error_func(nullptr, [](void*, virErrorPtr) {});
  handle = connect_open(uri.c_str());
  if (handle != nullptr) return {};
  Error error = last_error("cannot connect to libvirt");
  error.kind = ErrorKind::unavailable;
  return fail(error);
}

Error Connection::last_error(const std::string& what) const {
  const virErrorPtr error = get_last_error();
  if (error == nullptr) return Error{ErrorKind::failed, what + ": libvirt gave no reason"};
  const std::string text = error->message != nullptr ? error->message : "no message";
  // What the transport reports is not an answer of the daemon's.
  const bool transport = error->domain == VIR_FROM_RPC || error->domain == VIR_FROM_REMOTE ||
                         error->code == VIR_ERR_NO_CONNECT || error->code == VIR_ERR_RPC ||
                         error->code == VIR_ERR_NO_NODE_DEVICE ||
                         // A daemon without the driver for node devices (Gentoo's USE=-udev).
                         error->code == VIR_ERR_NO_SUPPORT;
  // The daemon is confined (SELinux, AppArmor, its unit), and this process may do it all the same. The number
  // is errno (virReportSystemErrorFull in src/util/virerror.c).
  const bool denied = error->code == VIR_ERR_SYSTEM_ERROR &&
                      (error->int1 == EACCES || error->int1 == EPERM || error->int1 == EROFS);
  return Error{transport || denied ? ErrorKind::unavailable : ErrorKind::failed, what + ": " + text};
}

Result<host::Servant> start_servant(const std::string& uri, const Answer& answer) {
  return host::Servant::start([uri, answer, connection = std::optional<Connection>()](
                                  const std::string& question) mutable -> Result<std::string> {
    if (connection) return answer(*connection, question);
    return connection.emplace().open(uri).map([] { return std::string(); });
  });
}

}  // namespace qh::libvirt
