#include "libvirt/api.h"

#include <dlfcn.h>

#include <cstdlib>

namespace qh::libvirt {
namespace {

// Resolves names in the library, and remembers the first that is missing.
class Library {
 public:
  Library() : handle_(::dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) note();
  }

  template <class Function>
  void find(const char* name, Function& out) {
    if (!missing_.empty()) return;
    out = reinterpret_cast<Function>(::dlsym(handle_, name));
    if (out == nullptr) note();
  }

  // The library stays loaded: libvirt's threads and tables outlive us, and the process ends soon.
  template <class Table>
  Result<Table> give(const Table& table) const {
    if (missing_.empty()) return table;
    return fail(ErrorKind::unavailable, "libvirt's client library cannot be used: " + missing_);
  }

 private:
  void note() {
    const char* reason = ::dlerror();
    missing_ = reason != nullptr ? reason : "unknown reason";
  }
  void* handle_;
  std::string missing_;
};

}  // namespace

Result<Api> Api::load() {
  Library library;
  Api api;
  library.find("virConnectOpen", api.connect_open);
  library.find("virConnectClose", api.connect_close);
  library.find("virGetLastError", api.get_last_error);
  library.find("virSetErrorFunc", api.set_error_func);
  library.find("virNodeDeviceLookupByName", api.node_device_lookup);
  library.find("virNodeDeviceFree", api.node_device_free);
  library.find("virNodeDeviceDetachFlags", api.node_device_detach);
  library.find("virNodeDeviceReAttach", api.node_device_reattach);
  return library.give(api);
}

Error Api::last_error(const std::string& what) const {
  const virErrorPtr error = get_last_error();
  if (error == nullptr) return Error{ErrorKind::failed, what + ": libvirt gave no reason"};
  const std::string text = error->message != nullptr ? error->message : "no message";
  // What the transport reports is not an answer of the daemon's.
  const bool transport = error->domain == VIR_FROM_RPC || error->domain == VIR_FROM_REMOTE ||
                         error->code == VIR_ERR_NO_CONNECT || error->code == VIR_ERR_RPC ||
                         error->code == VIR_ERR_NO_NODE_DEVICE;
  return Error{transport ? ErrorKind::unavailable : ErrorKind::failed, what + ": " + text};
}

Result<DomainApi> DomainApi::load() {
  Library library;
  DomainApi api;
  library.find("virDomainLookupByName", api.lookup);
  library.find("virDomainGetXMLDesc", api.xml);
  library.find("virDomainFree", api.free);
  return library.give(api);
}

}  // namespace qh::libvirt
