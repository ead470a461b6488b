// Where a guest's XML comes from when a person asks.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "config/host_conf.h"
#include "core/result.h"
#include "host/host.h"
#include "libvirt/domains.h"
#include "xml/domain.h"

namespace qh::cli {

struct FoundDomain {
  xml::Domain domain;
  std::string warning;  // the XML names another guest, or libvirt did not answer; may be empty
};

// The file that --xml names; else libvirt; without a daemon libvirt's own file. not_found: no such guest.
Result<FoundDomain> find_domain(const host::Host& host, const Options& options,
                                const config::HostConf& host_conf);

// libvirt's guests. A connection may take what host.toml's `connect` says.
libvirt::Domains libvirt_domains(const host::Host& host, const config::HostConf& host_conf);

struct NamedDomain {
  std::string guest;
  Result<xml::Domain> domain;
};
// Every guest, by libvirt; without a daemon those that have a file, with a warning.
Result<std::vector<NamedDomain>> all_domains(const host::Host& host, const config::HostConf& host_conf);

}  // namespace qh::cli
