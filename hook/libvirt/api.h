// libvirt's client library, loaded when it is needed and never before: linked in the ordinary way it costs
// every event of every guest 8 ms and 50 libraries, and one of them broken would stop every guest of the
// host.
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "core/result.h"

namespace qh::libvirt {

struct Api {
  // Typed from libvirt's own header, so that the compiler checks each call.
  decltype(&virConnectOpen) connect_open = nullptr;
  decltype(&virConnectClose) connect_close = nullptr;
  decltype(&virGetLastError) get_last_error = nullptr;
  decltype(&virSetErrorFunc) set_error_func = nullptr;
  decltype(&virNodeDeviceLookupByName) node_device_lookup = nullptr;
  decltype(&virNodeDeviceGetXMLDesc) node_device_xml = nullptr;
  decltype(&virNodeDeviceFree) node_device_free = nullptr;
  decltype(&virNodeDeviceDetachFlags) node_device_detach = nullptr;
  decltype(&virNodeDeviceReAttach) node_device_reattach = nullptr;

  // unavailable: the library or one of its functions is not there.
  static Result<Api> load();

  // libvirt's last error as ours: unavailable where the connection failed, else failed with libvirt's text.
  Error last_error(const std::string& what) const;
};

// Domain calls are for hand use alone: while libvirt waits for the hook they deadlock.
struct DomainApi {
  decltype(&virDomainLookupByName) lookup = nullptr;
  decltype(&virDomainGetXMLDesc) xml = nullptr;
  decltype(&virDomainFree) free = nullptr;
  decltype(&virDomainGetName) name = nullptr;
  decltype(&virDomainAttachDeviceFlags) attach_device = nullptr;
  decltype(&virDomainDetachDeviceFlags) detach_device = nullptr;
  decltype(&virDomainDefineXML) define = nullptr;
  decltype(&virConnectListAllDomains) list_all = nullptr;

  static Result<DomainApi> load();
};

}  // namespace qh::libvirt
