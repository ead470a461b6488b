#include "libvirt/api.h"

#include "libvirt/library.h"

namespace qh::libvirt {
namespace {

constexpr char file[] = "libvirt.so.0", what[] = "libvirt's client library";

}  // namespace

Result<Api> Api::load() {
  Library library(file);
  Api api;
  library.find("virConnectOpen", api.connect_open);
  library.find("virConnectClose", api.connect_close);
  library.find("virGetLastError", api.get_last_error);
  library.find("virSetErrorFunc", api.set_error_func);
  library.find("virNodeDeviceLookupByName", api.node_device_lookup);
  library.find("virNodeDeviceGetXMLDesc", api.node_device_xml);
  library.find("virNodeDeviceFree", api.node_device_free);
  library.find("virNodeDeviceDetachFlags", api.node_device_detach);
  library.find("virNodeDeviceReAttach", api.node_device_reattach);
  return library.give(api, what);
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
  Library library(file);
  DomainApi api;
  library.find("virDomainLookupByName", api.lookup);
  library.find("virDomainGetXMLDesc", api.xml);
  library.find("virDomainFree", api.free);
  library.find("virDomainGetName", api.name);
  library.find("virDomainAttachDeviceFlags", api.attach_device);
  library.find("virDomainDetachDeviceFlags", api.detach_device);
  library.find("virDomainDefineXML", api.define);
  library.find("virConnectListAllDomains", api.list_all);
  return library.give(api, what);
}

}  // namespace qh::libvirt
