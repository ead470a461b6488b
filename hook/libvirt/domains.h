// libvirt's guests, for commands by hand alone: while libvirt waits for the hook, any call about a domain
// deadlocks. Each call is a child with a connection of its own; a connection may take `connect_timeout`, what
// is asked then 10 seconds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/result.h"
#include "host/processes/child.h"

namespace qh::libvirt {

class Connection;

struct NamedXml {
  std::string guest;
  Result<std::string> xml;
};

class Domains {
 public:
  Domains(std::string uri, Milliseconds connect_timeout)
      : uri_(std::move(uri)), connect_timeout_(connect_timeout) {}

  // The guest's XML as its next start will use it. not_found: no such guest. unavailable, timed_out: libvirt
  // does not answer.
  Result<std::string> xml(const std::string& guest) const;
  // The same with what is secret in it, complete for define(): never to be shown, logged or stored.
  Result<std::string> whole_xml(const std::string& guest) const;

  // The names of all guests, running or not.
  Result<std::vector<std::string>> names() const;
  // The XML of many, over one connection.
  Result<std::vector<NamedXml>> xmls(const std::vector<std::string>& guests) const;

  // Changes what the guest will be at its next start; a guest that runs keeps running as it is.
  Result<void> attach(const std::string& guest, const std::string& device_xml) const;
  Result<void> detach(const std::string& guest, const std::string& device_xml) const;
  Result<void> define(const std::string& guest, const std::string& domain_xml) const;

 private:
  using Answer = std::function<Result<std::string>(const Connection&, const std::string& question)>;
  Result<host::Servant> connect(const Answer& answer) const;
  Result<std::string> ask(const std::string& what, const std::string& question, const Answer& answer) const;

  std::string uri_;
  Milliseconds connect_timeout_;
};

}  // namespace qh::libvirt
