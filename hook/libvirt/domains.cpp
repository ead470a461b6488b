#include "libvirt/domains.h"

#include <algorithm>
#include <cstdlib>

#include "core/text.h"
#include "libvirt/connection.h"

namespace qh::libvirt {
namespace {

// Of a daemon that takes connections. A busy one may need a moment, and a person waits.
constexpr Milliseconds answer_timeout{10'000};

std::string asking(const std::string& guest) {
  return "asking libvirt for " + in_quotes(guest);
}

// In the child.
Result<virDomainPtr> find(const Connection& libvirt, const std::string& guest) {
  const virDomainPtr domain = libvirt.domain_lookup(libvirt.handle, guest.c_str());
  if (domain != nullptr) return domain;
  const std::string what = "libvirt has no guest " + in_quotes(guest);
  const virErrorPtr last = libvirt.get_last_error();
  if (last != nullptr && last->code == VIR_ERR_NO_DOMAIN) return fail(ErrorKind::not_found, what);
  return fail(libvirt.last_error(what));
}

// A question is a guest's name.
Answer xml_of_guest(unsigned flags) {
  return [flags](const Connection& libvirt, const std::string& guest) -> Result<std::string> {
    const auto domain = find(libvirt, guest);
    if (!domain) return fail(domain.error());
    char* xml = libvirt.domain_xml(*domain, flags);
    if (xml == nullptr) return fail(libvirt.last_error("cannot get the XML of " + in_quotes(guest)));
    std::string text = xml;
    std::free(xml);
    libvirt.domain_free(*domain);
    return text;
  };
}

using DeviceCall = decltype(Connection::attach_device);
Answer change_of_guest(const std::string& device_xml, DeviceCall Connection::*call, const std::string& what) {
  return [=](const Connection& libvirt, const std::string& guest) -> Result<std::string> {
    const auto domain = find(libvirt, guest);
    if (!domain) return fail(domain.error());
    if ((libvirt.*call)(*domain, device_xml.c_str(), VIR_DOMAIN_AFFECT_CONFIG) < 0)
      return fail(libvirt.last_error(what));
    return std::string();
  };
}

// XML allows it nowhere, neither as itself nor as a reference; so no name holds it either.
constexpr char end_mark = '\1';

}  // namespace

Result<host::Servant> Domains::connect(const Answer& answer) const {
  auto servant = start_servant(uri_, answer);
  if (!servant) return servant;
  const auto opened = servant->ask("connecting to libvirt", "", connect_timeout_);
  if (!opened) return fail(opened.error());
  return servant;
}

Result<std::string> Domains::ask(const std::string& what, const std::string& question,
                                 const Answer& answer) const {
  return connect(answer).and_then(
      [&](host::Servant&& servant) { return servant.ask(what, question, answer_timeout); });
}

Result<std::string> Domains::xml(const std::string& guest) const {
  return ask(asking(guest), guest, xml_of_guest(VIR_DOMAIN_XML_INACTIVE));
}

Result<std::string> Domains::whole_xml(const std::string& guest) const {
  return ask(asking(guest), guest, xml_of_guest(VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE));
}

Result<std::vector<std::string>> Domains::names() const {
  const std::string what = "asking libvirt for its guests";
  const auto text = ask(what, "", [&](const Connection& libvirt, const std::string&) -> Result<std::string> {
    virDomainPtr* domains = nullptr;
    const int count = libvirt.list_domains(libvirt.handle, &domains, 0);
    if (count < 0) return fail(libvirt.last_error(what));
    std::string names;
    for (int i = 0; i < count; ++i) names += std::string(libvirt.domain_name(domains[i])) + end_mark;
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
  auto servant = connect(xml_of_guest(VIR_DOMAIN_XML_INACTIVE));
  if (!servant) return fail(servant.error());
  std::vector<NamedXml> all;
  for (const auto& guest : guests) {
    all.push_back({guest, servant->ask(asking(guest), guest, answer_timeout)});
    if (servant->has_given_up()) return fail(all.back().xml.error());
  }
  return all;
}

Result<void> Domains::attach(const std::string& guest, const std::string& device_xml) const {
  const std::string what = "libvirt does not add the device to " + in_quotes(guest);
  return outcome(ask(what, guest, change_of_guest(device_xml, &Connection::attach_device, what)));
}

Result<void> Domains::detach(const std::string& guest, const std::string& device_xml) const {
  const std::string what = "libvirt does not remove the device from " + in_quotes(guest);
  return outcome(ask(what, guest, change_of_guest(device_xml, &Connection::detach_device, what)));
}

Result<void> Domains::define(const std::string& guest, const std::string& domain_xml) const {
  const std::string what = "libvirt does not define " + in_quotes(guest);
  return outcome(ask(what, "", [&](const Connection& libvirt, const std::string&) -> Result<std::string> {
    if (libvirt.define_domain(libvirt.handle, domain_xml.c_str()) == nullptr)
      return fail(libvirt.last_error(what));
    return std::string();
  }));
}

}  // namespace qh::libvirt
