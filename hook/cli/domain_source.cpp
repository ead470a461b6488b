#include "cli/domain_source.h"

#include <unistd.h>

#include "core/text.h"
#include "host/file.h"
#include "host/names.h"
#include "libvirt/daemon.h"

namespace qh::cli {
namespace {

// A person waits for it; a daemon that is busy starting guests may take a moment.
constexpr Milliseconds answer_timeout{10'000};

Result<std::string> from_file(const std::string& file) {
  if (file == "-") return host::read_fd(STDIN_FILENO, "the XML on stdin", xml::largest_domain_xml);
  return host::read_file(file, xml::largest_domain_xml);
}

Result<std::string> from_libvirt(const std::string& root, const std::string& guest, std::string& warning) {
  const libvirt::Daemon daemon(libvirt::connection_uri(root), answer_timeout);
  auto xml = daemon.domain_xml(guest, answer_timeout);
  if (xml || xml.error().is(ErrorKind::not_found)) return xml;
  const std::string file = root + names::libvirt_domain_folder + "/" + guest + ".xml";
  if (guest.find('/') != std::string::npos) return xml;
  auto text = host::read_file(file, xml::largest_domain_xml);
  if (!text && text.error().is(ErrorKind::not_found))
    return fail(
        ErrorKind::not_found,
        "there is no guest " + in_quotes(guest) + ": " + xml.error().message + "; and there is no " + file,
        "see `virsh -c qemu:///system list --all`");
  if (text) warning = xml.error().message + "; read " + file + " instead";
  return text;
}

}  // namespace

Result<FoundDomain> find_domain(const std::string& root, const Options& options) {
  FoundDomain found;
  auto text = options.xml.empty() ? from_libvirt(root, options.guest, found.warning) : from_file(options.xml);
  if (!text) return fail(text.error());
  auto domain = xml::parse_domain(std::move(*text));
  if (!domain) return fail(domain.error());
  if (domain->name != options.guest)
    found.warning = "the XML is of a guest named " + in_quotes(domain->name) + "; taken as " +
                    in_quotes(options.guest) + "'s";
  found.domain = std::move(*domain);
  found.domain.name = options.guest;
  return found;
}

}  // namespace qh::cli
