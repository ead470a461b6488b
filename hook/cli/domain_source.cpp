#include "cli/domain_source.h"

#include <unistd.h>

#include <cerrno>

#include "cli/known_guests.h"
#include "cli/output.h"
#include "core/file.h"
#include "core/text.h"
#include "host/names.h"
#include "libvirt/daemon.h"
#include "libvirt/domains.h"

namespace qh::cli {
namespace {

std::string domain_file(const host::Host& host, const std::string& guest) {
  return host.path(names::domain_file(guest));
}

// Also from a pipe, which a shell's <(...) is: it has its writer already, so the open must not wait for one.
Result<std::string> from_file(const std::string& file) {
  if (file == "-") return read_fd(STDIN_FILENO, "the XML on stdin", xml::largest_domain_xml);
  const Fd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd || ::fcntl(fd.get(), F_SETFL, 0) < 0) return fail(system_error("read", file, errno));
  return read_fd(fd.get(), file, xml::largest_domain_xml);
}

Result<std::string> from_libvirt(const host::Host& host, const std::string& guest,
                                 const config::HostConf& host_conf, std::string& warning) {
  auto xml = libvirt_domains(host, host_conf).xml(guest);
  if (xml) note(domain_file(host, guest), *xml);
  if (xml || xml.error().is(ErrorKind::not_found)) return xml;
  const std::string file = domain_file(host, guest);
  if (guest.find('/') != std::string::npos) return xml;
  auto text = read_file(file, xml::largest_domain_xml);
  if (!text && text.error().is(ErrorKind::not_found))
    return fail(
        ErrorKind::not_found,
        "there is no guest " + in_quotes(guest) + ": " + xml.error().message + "; and there is no " + file,
        "see `virsh -c qemu:///system list --all`");
  if (!text && ::geteuid() != 0)
    return fail(ErrorKind::failed, text.error().message, "run this again as root");
  if (text) warning = xml.error().message + "; read " + file + " instead";
  return text;
}

Result<xml::Domain> parsed(const std::string& guest, const Result<std::string>& text) {
  auto domain = text.and_then(xml::parse_domain);
  if (domain) domain->name = guest;
  return domain;
}

}  // namespace

Result<FoundDomain> find_domain(const host::Host& host, const Options& options,
                                const config::HostConf& host_conf) {
  FoundDomain found;
  auto text = options.xml.empty() ? from_libvirt(host, options.guest, host_conf, found.warning)
                                  : from_file(options.xml);
  if (!text) return fail(text.error());
  auto domain = xml::parse_domain(std::move(*text));
  if (!domain) return fail(domain.error());
  if (domain->name != options.guest) {
    found.warning = "the XML describes the guest " + in_quotes(domain->name) + "; using it for " +
                    in_quotes(options.guest);
    domain->uuid.clear();  // it is the other guest's
  }
  found.domain = std::move(*domain);
  found.domain.name = options.guest;
  return found;
}

libvirt::Domains libvirt_domains(const host::Host& host, const config::HostConf& host_conf) {
  return {libvirt::connection_uri(host), host_conf.deadlines.connect};
}

Result<std::vector<NamedDomain>> all_domains(const host::Host& host, const config::HostConf& host_conf) {
  std::vector<NamedDomain> all;
  const auto domains = libvirt_domains(host, host_conf);
  const auto listed = domains.names();
  if (listed) {
    const auto xmls = domains.xmls(*listed);
    if (!xmls) return fail(xmls.error());
    for (const auto& [guest, text] : *xmls) all.push_back({guest, parsed(guest, text)});
    return all;
  }
  print_warning(listed.error().message + "; read the files in " + host.path(names::libvirt_domain_folder) +
                " instead");
  for (const auto& guest : defined_guests(host))
    all.push_back({guest, parsed(guest, read_file(domain_file(host, guest), xml::largest_domain_xml))});
  return all;
}

}  // namespace qh::cli
