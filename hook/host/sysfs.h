// What this program does with /sys, as a port: the real one, and in tests a model of the kernel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/result.h"

namespace qh::host {

// Paths are relative to /sys.
class Sysfs {
 public:
  virtual ~Sysfs() = default;

  virtual bool exists(const std::string& path) const = 0;
  // Trimmed; nothing if it cannot be read. Only for attributes that take no device lock.
  virtual std::optional<std::string> read(const std::string& path) const = 0;
  // For `driver_override` and `uevent`: a driver that hangs in its remove() holds the device's lock, and
  // blocks whoever reads these (drivers/pci/pci-sysfs.c, drivers/base/core.c). Trimmed.
  virtual Result<std::string> read_locked(const std::string& path, Milliseconds timeout) const = 0;
  // At most `limit` bytes, as they are. timed_out: the kernel holds the attribute.
  virtual Result<std::string> read_bytes(const std::string& path, std::size_t limit) const = 0;
  // The last component of a symbolic link's target: the driver of a device, its IOMMU group.
  virtual std::optional<std::string> link(const std::string& path) const = 0;
  // Names in a folder, sorted.
  virtual std::vector<std::string> list(const std::string& path) const = 0;

  // Every write can block in the kernel: timed_out then says so, with the writer that is left behind.
  virtual Result<void> write(const std::string& path, const std::string& value, Milliseconds timeout) = 0;
};

class RealSysfs : public Sysfs {
 public:
  // `root` stands in front of "/sys"; empty for the host itself.
  explicit RealSysfs(const std::string& root) : base_(root + "/sys/") {}

  bool exists(const std::string& path) const override;
  std::optional<std::string> read(const std::string& path) const override;
  Result<std::string> read_locked(const std::string& path, Milliseconds timeout) const override;
  Result<std::string> read_bytes(const std::string& path, std::size_t limit) const override;
  std::optional<std::string> link(const std::string& path) const override;
  std::vector<std::string> list(const std::string& path) const override;
  Result<void> write(const std::string& path, const std::string& value, Milliseconds timeout) override;

 private:
  std::string base_;
};

}  // namespace qh::host
