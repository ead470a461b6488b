// Where a guest's XML comes from when a person asks.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "core/result.h"
#include "libvirt/domains.h"
#include "xml/domain.h"

namespace qh::cli {

struct FoundDomain {
  xml::Domain domain;
  std::string warning;  // the XML names another guest, or libvirt did not answer; may be empty
};

// The file that --xml names; else libvirt; without a daemon libvirt's own file. not_found: no such guest.
Result<FoundDomain> find_domain(const std::string& root, const Options& options);

// libvirt's guests, with a deadline that suits a person.
libvirt::Domains libvirt_domains(const std::string& root);

struct NamedDomain {
  std::string guest;
  Result<xml::Domain> domain;
};
struct AllDomains {
  std::vector<NamedDomain> domains;
  std::string warning;  // libvirt did not answer, so these are of its files; may be empty
};

// Every guest, by libvirt; without a daemon those that have a file.
Result<AllDomains> all_domains(const std::string& root);

}  // namespace qh::cli
