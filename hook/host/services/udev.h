// udev: what its database says of a device, and how it is told to look at devices anew.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "host/host.h"

namespace qh::host {

struct UdevDevice {
  std::string id;         // in the database: "c226:1", "+sound:card1"
  std::string subsystem;  // "drm"
  std::string name;       // the kernel's: "card1"
};

struct UdevEntry {
  std::map<std::string, std::string> properties;
  std::vector<std::string> tags;  // those that the last event gave it

  std::string property(const std::string& key) const {
    const auto found = properties.find(key);
    return found == properties.end() ? "" : found->second;
  }
};

// False where no udev runs, or one without a database (mdevd with libudev-zero).
bool has_udev_database(const Host& host);
// Empty for a device of which the database has nothing to say.
UdevEntry udev_entry(const Host& host, const std::string& id);

// The port; tests have a model's.
class Udev {
 public:
  virtual ~Udev() = default;
  // Reads the rules anew. They count from the next event on.
  virtual Result<void> reload() = 0;
  // An event "change" for each device; returns when the rules have been applied.
  virtual Result<void> change(const std::vector<UdevDevice>& devices) = 0;
};

// By udevadm. Does nothing for a copy of a host.
class RealUdev : public Udev {
 public:
  explicit RealUdev(const Host& host) : host_(host) {}
  Result<void> reload() override;
  Result<void> change(const std::vector<UdevDevice>& devices) override;

 private:
  const Host& host_;
};

}  // namespace qh::host
