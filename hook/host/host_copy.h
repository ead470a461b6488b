// A copy of as much of the host's files as was read: whoever runs over it elsewhere finds what he needs.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>

#include "core/redaction.h"
#include "core/result.h"
#include "host/host.h"

namespace qh::host {

struct CopiedFile {
  mode_t mode = S_IFREG | 0644;
  uid_t user = 0;
  gid_t group = 0;
  timespec changed{0, UTIME_NOW};
  std::string text = {};  // or a link's target
};
using HostCopy = std::map<std::string, CopiedFile>;  // by the path, behind all links

// Links, names in folders, and the texts of files, as a notebook has them (core/file.h).
Result<HostCopy> copy_of(const Host& host, const std::string& notebook);

// Below the folder, with stand-ins.
Result<void> write_copy(const HostCopy& copy, const std::string& folder, const Redaction& secrets);

}  // namespace qh::host
