// Where a guest's XML comes from when a person asks.
#pragma once

#include <string>

#include "cli/options.h"
#include "core/result.h"
#include "xml/domain.h"

namespace qh::cli {

struct FoundDomain {
  xml::Domain domain;
  std::string warning;  // the XML names another guest, or libvirt did not answer; may be empty
};

// The file that --xml names; else libvirt; without a daemon libvirt's own file. not_found: no such guest.
Result<FoundDomain> find_domain(const std::string& root, const Options& options);

}  // namespace qh::cli
