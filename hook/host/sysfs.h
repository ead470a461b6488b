// What this program does with /sys. In tests a model of the kernel stands behind reads and writes.
//
// The one door to what can wait for a driver. Reading or writing an attribute runs the kernel's code for it,
// which may take the lock of a device, of the console or of a driver: if a driver hangs with that lock held,
// whoever touches the attribute waits where no signal reaches it, and libvirt would wait with the hook. So no
// attribute is read or written in this process: a child does it, with a deadline. Links and folders take no
// lock of a driver's (fs/kernfs), and are looked at directly.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/file.h"
#include "core/result.h"
#include "host/processes/child.h"

namespace qh::host {

// How long an attribute may take to be read. Healthy ones answer in microseconds.
inline constexpr Milliseconds attribute_timeout{2000};

// Paths are relative to /sys.
class Sysfs {
 public:
  // `root` stands in front of "/sys"; empty for the host itself.
  explicit Sysfs(const std::string& root) : root_(root), base_(root + "/sys/") {}
  virtual ~Sysfs() = default;

  bool exists(const std::string& path) const {
    const std::string file = base_ + path;
    note(file);
    return qh::exists(file);
  }
  // Trimmed. not_found; failed; timed_out: the kernel holds the attribute, since a driver hangs. `stuck_pid`
  // then names the child that is left behind.
  Result<std::string> read(const std::string& path) const;
  // At most `limit` bytes, and at most a page, as they are. Fails as read() does.
  virtual Result<std::string> read_bytes(const std::string& path, std::size_t limit) const;
  // The last component of a symbolic link's target: the driver of a device, its IOMMU group.
  std::optional<std::string> link(const std::string& path) const;
  // The whole target.
  std::optional<std::string> link_target(const std::string& path) const {
    const std::string file = base_ + path;
    note(file);
    return qh::link_target(file);
  }
  // Names in a folder, sorted.
  std::vector<std::string> list(const std::string& path) const { return list_folder(base_ + path); }

  // timed_out: the kernel did not come back from the write, which may still take effect. The block devices
  // `held` (paths of their nodes) are opened exclusively before the write and held until it returns, so that
  // nobody mounts one in between. refused: one of them is in use, and nothing was written.
  virtual Result<void> write(const std::string& path, const std::string& value, Milliseconds timeout,
                             const std::vector<std::string>& held = {});

  // Whether a write would be let through: opens the attribute for writing, and writes nothing.
  Result<void> try_write(const std::string& path) const {
    return outcome(
        ask("opening " + base_ + path, "open" + std::string(1, '\0') + base_ + path, attribute_timeout));
  }

 private:
  std::string root_;
  std::string base_;
  Result<std::string> ask(const std::string& what, const std::string& question, Milliseconds timeout) const;
  mutable std::optional<Servant> servant_;  // reads and writes, one attribute at a time
  // Children that hang in an attribute: as long as one does, nobody else is sent after it.
  mutable std::map<std::string, int> stuck_;
};

}  // namespace qh::host
