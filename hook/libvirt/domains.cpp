#include "libvirt/domains.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "core/text.h"
#include "host/processes/child.h"
#include "libvirt/api.h"

namespace qh::libvirt {
namespace {

// In the child: one connection. What it opened ends with the process.
class DomainConnection {
 public:
  static Result<DomainConnection> open(const std::string& uri) {
    const auto api = Api::load();
    if (!api) return fail(api.error());
    const auto domain_api = DomainApi::load();
    if (!domain_api) return fail(domain_api.error());
    // Otherwise libvirt prints its errors to stderr by itself.
    api->set_error_func(nullptr, [](void*, virErrorPtr) {});
    const virConnectPtr connection = api->connect_open(uri.c_str());
    if (connection != nullptr) return DomainConnection(*api, *domain_api, connection);
    Error error = api->last_error("cannot connect to libvirt");
    error.kind = ErrorKind::unavailable;
    return fail(error);
  }

  Result<virDomainPtr> find(const std::string& guest) const {
    const virDomainPtr domain = calls.lookup(connection, guest.c_str());
    if (domain != nullptr) return domain;
    const std::string what = "libvirt has no guest " + in_quotes(guest);
    const virErrorPtr last = api.get_last_error();
    if (last != nullptr && last->code == VIR_ERR_NO_DOMAIN) return fail(ErrorKind::not_found, what);
    return fail(api.last_error(what));
  }

  Result<std::string> xml(const std::string& guest, unsigned flags) const {
    const auto domain = find(guest);
    if (!domain) return fail(domain.error());
    char* xml = calls.xml(*domain, flags);
    if (xml == nullptr) return fail(api.last_error("cannot get the XML of " + in_quotes(guest)));
    std::string text = xml;
    std::free(xml);
    calls.free(*domain);
    return text;
  }

  Api api;
  DomainApi calls;
  virConnectPtr connection;

 private:
  DomainConnection(const Api& a, const DomainApi& d, virConnectPtr c) : api(a), calls(d), connection(c) {}
};

using Work = std::function<Result<std::string>(const DomainConnection&)>;

// Of a daemon that takes connections. A busy one may need a moment, and a person waits.
constexpr Milliseconds answer_timeout{10'000};

Result<std::string> connected(const std::string& uri, const std::string& what, Milliseconds connect_timeout,
                              const Work& work) {
  const auto answers =
      host::run_in_child("connecting to libvirt", connect_timeout, [&]() -> Result<std::string> {
        const auto connection = DomainConnection::open(uri);
        if (!connection) return fail(connection.error());
        return std::string();
      });
  if (!answers) return answers;
  return host::run_in_child(what, answer_timeout, [&]() -> Result<std::string> {
    const auto connection = DomainConnection::open(uri);
    if (!connection) return fail(connection.error());
    return work(*connection);
  });
}

using DeviceCall = decltype(DomainApi::attach_device);

Result<void> change(const std::string& uri, Milliseconds connect_timeout, const std::string& guest,
                    const std::string& device_xml, DeviceCall DomainApi::*call, const std::string& what) {
  const auto done =
      connected(uri, what, connect_timeout, [&](const DomainConnection& c) -> Result<std::string> {
        const auto domain = c.find(guest);
        if (!domain) return fail(domain.error());
        if ((c.calls.*call)(*domain, device_xml.c_str(), VIR_DOMAIN_AFFECT_CONFIG) < 0)
          return fail(c.api.last_error(what));
        return std::string();
      });
  if (!done) return fail(done.error());
  return {};
}

std::string asking(const std::string& guest) {
  return "asking libvirt for " + in_quotes(guest);
}

// XML allows it nowhere, neither as itself nor as a reference; so no name holds it either.
constexpr char end_mark = '\1';

}  // namespace

Result<std::string> Domains::xml(const std::string& guest) const {
  return connected(uri_, asking(guest), connect_timeout_,
                   [&](const DomainConnection& c) { return c.xml(guest, VIR_DOMAIN_XML_INACTIVE); });
}

Result<std::string> Domains::whole_xml(const std::string& guest) const {
  return connected(uri_, asking(guest), connect_timeout_, [&](const DomainConnection& c) {
    return c.xml(guest, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
  });
}

Result<std::vector<std::string>> Domains::names() const {
  const std::string what = "asking libvirt for its guests";
  const auto text =
      connected(uri_, what, connect_timeout_, [&](const DomainConnection& c) -> Result<std::string> {
        virDomainPtr* domains = nullptr;
        const int count = c.calls.list_all(c.connection, &domains, 0);
        if (count < 0) return fail(c.api.last_error(what));
        std::string names;
        for (int i = 0; i < count; ++i) names += std::string(c.calls.name(domains[i])) + end_mark;
        return names;
      });
  if (!text) return fail(text.error());
  std::vector<std::string> names;
  for (const auto name : split(*text, end_mark))
    if (!name.empty()) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<NamedXml>> Domains::xmls(const std::vector<std::string>& guests) const {
  constexpr std::size_t at_once = 100;  // their XML fits into what a child may answer
  std::vector<NamedXml> all;
  while (all.size() < guests.size()) {
    const std::size_t first = all.size(), end = std::min(first + at_once, guests.size());
    const auto text =
        connected(uri_, "asking libvirt for its guests", connect_timeout_, [&](const DomainConnection& c) {
          std::string answers;
          for (std::size_t i = first; i < end; ++i) {
            const auto xml = c.xml(guests[i], VIR_DOMAIN_XML_INACTIVE);
            answers += (xml ? "x" + *xml : "e" + xml.error().message) + end_mark;
          }
          return Result<std::string>(answers);
        });
    if (!text) return fail(text.error());
    const auto answers = split(*text, end_mark);
    for (std::size_t i = first; i < end; ++i) {
      const std::string_view answer = i - first < answers.size() ? answers[i - first] : "";
      if (answer.substr(0, 1) == "x")
        all.push_back({guests[i], std::string(answer.substr(1))});
      else
        all.push_back(
            {guests[i], fail(ErrorKind::failed, std::string(answer.substr(answer.empty() ? 0 : 1)))});
    }
  }
  return all;
}

Result<void> Domains::attach(const std::string& guest, const std::string& device_xml) const {
  return change(uri_, connect_timeout_, guest, device_xml, &DomainApi::attach_device,
                "libvirt does not add the device to " + in_quotes(guest));
}

Result<void> Domains::detach(const std::string& guest, const std::string& device_xml) const {
  return change(uri_, connect_timeout_, guest, device_xml, &DomainApi::detach_device,
                "libvirt does not remove the device from " + in_quotes(guest));
}

Result<void> Domains::define(const std::string& guest, const std::string& domain_xml) const {
  const std::string what = "libvirt does not define " + in_quotes(guest);
  const auto done =
      connected(uri_, what, connect_timeout_, [&](const DomainConnection& c) -> Result<std::string> {
        if (c.calls.define(c.connection, domain_xml.c_str()) == nullptr) return fail(c.api.last_error(what));
        return std::string();
      });
  if (!done) return fail(done.error());
  return {};
}

}  // namespace qh::libvirt
