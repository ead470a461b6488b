// The host: everything that looks at it is given this one value, and reads nothing around it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "host/sysfs.h"

namespace qh::host {

struct Host {
  Host(std::string root_, Sysfs& sysfs_) : root(std::move(root_)), sysfs(sysfs_) {}

  std::string root;  // in front of every path, see QEMU_HOOK_ROOT; empty for the host itself
  Sysfs& sysfs;      // the one door to whatever can wait for a driver

  // A copy of some host's files. Nothing of it runs here, so files are all that can be asked.
  bool is_copy() const { return !root.empty(); }

  // These take paths from "/" on: "/proc/swaps". Not for /sys, which has its own door.
  std::string path(const std::string& absolute) const {
    std::string whole = root + absolute;
    note(whole);
    return whole;
  }
  bool exists(const std::string& absolute) const { return qh::exists(path(absolute)); }
  // As qh::read_file().
  Result<std::string> read(const std::string& absolute, std::size_t limit = 1U << 20U) const {
    return read_file(path(absolute), limit);
  }
  std::optional<std::string> link_target(const std::string& absolute) const {
    return qh::link_target(path(absolute));
  }
  // Names in a folder, sorted; empty if it cannot be read.
  std::vector<std::string> list(const std::string& absolute) const { return list_folder(path(absolute)); }
};

// The one that this program runs on, or a copy of its files below `root`.
class RealHost : public Host {
 public:
  explicit RealHost(const std::string& root_) : Host(root_, sysfs_), sysfs_(root_) {}
  RealHost(const RealHost&) = delete;
  RealHost& operator=(const RealHost&) = delete;

 private:
  Sysfs sysfs_;
};

}  // namespace qh::host
