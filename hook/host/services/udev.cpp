#include "host/services/udev.h"

#include "core/contains.h"
#include "core/text.h"
#include "host/processes/child.h"

namespace qh::host {
namespace {

constexpr char database[] = "/run/udev/data";
constexpr Milliseconds limit{10'000};

Result<void> udevadm(std::vector<std::string> arguments) {
  return outcome(run_tool("udevadm", std::move(arguments), limit));
}

}  // namespace

bool has_udev_database(const Host& host) {
  return host.exists(database);
}

UdevEntry udev_entry(const Host& host, const std::string& id) {
  // device_update_db in systemd's src/libsystemd/sd-device/device-private.c: a letter and a colon begin each
  // line. "Q" lists the current tags since systemd 247; before it, and in eudev, "G" does.
  UdevEntry entry;
  std::vector<std::string> all_tags;
  bool tells_current = false;
  const auto text = host.read(std::string(database) + "/" + id).value_or("");
  for (const auto line : split(text, '\n')) {
    if (line.size() < 3 || line[1] != ':') continue;
    const std::string value(line.substr(2));
    const auto equals = value.find('=');
    if (line[0] == 'E' && equals != std::string::npos)
      entry.properties[value.substr(0, equals)] = value.substr(equals + 1);
    if (line[0] == 'G') all_tags.push_back(value);
    if (line[0] == 'Q') entry.tags.push_back(value);
    if (line[0] == 'V') tells_current = true;  // written since the version that tells tags apart
  }
  if (!tells_current && entry.tags.empty()) entry.tags = std::move(all_tags);
  return entry;
}

Result<void> RealUdev::reload() {
  return host_.is_copy() ? Result<void>() : udevadm({"control", "--reload"});
}

Result<void> RealUdev::change(const std::vector<UdevDevice>& devices) {
  if (host_.is_copy()) return {};
  // By name and subsystem, which eudev's tool knows as well. The names of a subsystem's devices are unique.
  std::vector<std::string> subsystems;
  for (const auto& device : devices) add_once(subsystems, device.subsystem);
  for (const auto& subsystem : subsystems) {
    std::vector<std::string> arguments{"trigger", "--action=change", "--subsystem-match=" + subsystem};
    for (const auto& device : devices)
      if (device.subsystem == subsystem) arguments.push_back("--sysname-match=" + device.name);
    if (auto done = udevadm(std::move(arguments)); !done) return done;
  }
  return udevadm({"settle", "--timeout=5"});
}

}  // namespace qh::host
