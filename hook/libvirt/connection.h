// libvirt's client library, loaded when it is needed and never before: linked in the ordinary way it costs
// every event of every guest 8 ms and 50 libraries, and one of them broken would stop every guest of the
// host.
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <functional>
#include <string>

#include "core/result.h"
#include "host/processes/child.h"

namespace qh::libvirt {

// One connection, in a child. What it opened ends with the process: the library's threads and tables would
// outlive it. Its functions are typed from libvirt's own header, so that the compiler checks each call.
class Connection {
  // Whatever the place for it is: a function of libvirt's.
  struct Symbol {
    void* address;
    template <class Function>
    operator Function*() const {
      return reinterpret_cast<Function*>(address);
    }
  };
  void* library_;
  std::string missing_;  // why the library or the first absent name cannot be used

 public:
  Connection();

  decltype(&virConnectOpen) connect_open = find("virConnectOpen");
  decltype(&virGetLastError) get_last_error = find("virGetLastError");
  decltype(&virSetErrorFunc) set_error_func = find("virSetErrorFunc");
  decltype(&virNodeDeviceLookupByName) node_device_lookup = find("virNodeDeviceLookupByName");
  decltype(&virNodeDeviceGetXMLDesc) node_device_xml = find("virNodeDeviceGetXMLDesc");
  decltype(&virNodeDeviceFree) node_device_free = find("virNodeDeviceFree");
  decltype(&virNodeDeviceDetachFlags) node_device_detach = find("virNodeDeviceDetachFlags");
  decltype(&virNodeDeviceReAttach) node_device_reattach = find("virNodeDeviceReAttach");
  // Domain calls are for hand use alone: while libvirt waits for the hook they deadlock.
  decltype(&virDomainLookupByName) domain_lookup = find("virDomainLookupByName");
  decltype(&virDomainGetXMLDesc) domain_xml = find("virDomainGetXMLDesc");
  decltype(&virDomainFree) domain_free = find("virDomainFree");
  decltype(&virDomainGetName) domain_name = find("virDomainGetName");
  decltype(&virDomainAttachDeviceFlags) attach_device = find("virDomainAttachDeviceFlags");
  decltype(&virDomainDetachDeviceFlags) detach_device = find("virDomainDetachDeviceFlags");
  decltype(&virDomainDefineXML) define_domain = find("virDomainDefineXML");
  decltype(&virConnectListAllDomains) list_domains = find("virConnectListAllDomains");

  virConnectPtr handle = nullptr;

  // unavailable: the library or one of its functions is not there, or the daemon does not answer.
  Result<void> open(const std::string& uri);
  // libvirt's last error as ours: unavailable where the connection failed, else failed with libvirt's text.
  Error last_error(const std::string& what) const;

 private:
  Symbol find(const char* name);
};

// A child with a connection. The first question opens it, whatever it is; `answer` is for all others.
using Answer = std::function<Result<std::string>(const Connection&, const std::string& question)>;
Result<host::Servant> start_servant(const std::string& uri, const Answer& answer);

}  // namespace qh::libvirt
