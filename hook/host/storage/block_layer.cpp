#include "host/storage/block_layer.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"
#include "host/pci/beneath.h"

namespace qh::host {
namespace {

constexpr char folder[] = "class/block";

// "nvme0n1" for "nvme0c2n1", empty for any other name. With native multipath a namespace has one hidden block
// device for each controller, and a visible one below /sys/devices/virtual/nvme-subsystem for all of them
// (nvme_mpath_set_disk_name in drivers/nvme/host/nvme.h).
std::string multipath_head(const std::string& name) {
  const auto controller = name.find('c'), space = name.find('n', controller);
  if (!name.starts_with("nvme") || space == std::string::npos ||
      name.find_first_not_of("0123456789cn", 4) != std::string::npos)
    return {};
  return name.substr(0, controller) + name.substr(space);
}

std::string doubled_hyphens(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '-' ? std::string("--") : std::string(1, c);
  return out;
}

}  // namespace

std::string lvm_volume_group(const std::string& dm_name) {
  std::string out;
  for (std::size_t i = 0; i < dm_name.size(); ++i) {
    if (dm_name[i] == '-') {
      if (i + 1 == dm_name.size() || dm_name[i + 1] != '-') return out;
      ++i;
    }
    out += dm_name[i];
  }
  return {};
}

std::string BlockLayer::attribute(const std::string& name, const std::string& file) const {
  return host_.sysfs.read(std::string(folder) + "/" + name + "/" + file).value_or("");
}

std::string BlockLayer::number(const std::string& name) const {
  return name.empty() ? "" : attribute(name, "dev");
}

bool BlockLayer::is_partition(const std::string& name) const {
  return host_.sysfs.exists(std::string(folder) + "/" + name + "/partition");
}

std::vector<std::string> BlockLayer::partitions(const std::string& name) const {
  std::vector<std::string> all;
  // A partition's folder lies in its disk's (Documentation/ABI/stable/sysfs-block).
  const std::string inside = name + "/";
  for (const auto& entry : host_.sysfs.list(std::string(folder) + "/" + name))
    if (is_partition(inside + entry)) all.push_back(entry);
  return all;
}

std::vector<Disk> BlockLayer::beneath(const PciAddress& address) const {
  std::vector<std::string> wholes;
  for (const auto& found : links_beneath(host_, folder, {address})) {
    if (is_partition(found.name)) continue;
    const std::string head = multipath_head(found.name);
    // A head counts also when other controllers lead to it: that they do does not say that they work.
    add_once(wholes, head.empty() ? found.name : head);
  }
  std::vector<Disk> all;
  for (const auto& whole : wholes) {
    all.push_back({whole, whole});
    for (const auto& partition : partitions(whole)) all.push_back({partition, whole});
  }
  return all;
}

std::string BlockLayer::name_of(const std::string& path) const {
  if (!path.starts_with("/dev/")) return {};
  const auto known = [&](std::string name) {
    // The kernel writes "cciss/c0d0" as "cciss!c0d0" (device_get_devnode in drivers/base/core.c).
    std::replace(name.begin(), name.end(), '/', '!');
    return host_.sysfs.exists(std::string(folder) + "/" + name + "/dev") ? name : std::string();
  };
  const std::string inside = path.substr(5);
  if (auto name = known(inside); !name.empty()) return name;
  if (const auto target = host_.link_target(path))
    if (auto name = known(target->substr(target->rfind('/') + 1)); !name.empty()) return name;
  // The names that device mapper and LVM give, where /dev does not have them as links.
  std::string mapped;
  const auto slash = inside.find('/');
  if (inside.starts_with("mapper/"))
    mapped = inside.substr(7);
  else if (slash != std::string::npos)
    mapped = doubled_hyphens(inside.substr(0, slash)) + "-" + doubled_hyphens(inside.substr(slash + 1));
  struct stat status {};
  const bool is_node = ::stat((host_.path(path)).c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  const std::string node =
      is_node ? std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev)) : "";
  if (mapped.empty() && node.empty()) return {};
  for (const auto& name : host_.sysfs.list(folder)) {
    if (!mapped.empty() && attribute(name, "dm/name") == mapped) return name;
    if (!node.empty() && number(name) == node) return name;
  }
  return {};
}

std::vector<std::string> BlockLayer::above(const std::string& name) const {
  auto all = host_.sysfs.list(std::string(folder) + "/" + name + "/holders");
  for (const auto& partition : partitions(name)) all.push_back(partition);
  return all;
}

std::vector<std::string> BlockLayer::stack_above(const std::string& name) const {
  std::vector<std::string> all{name};
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const auto& next : above(all[i])) add_once(all, next);
  return all;
}

std::vector<std::string> BlockLayer::btrfs_members(const std::string& name) const {
  // fs/btrfs/host.sysfs.c: one folder for each mounted file system, with links to its members.
  for (const auto& id : host_.sysfs.list("fs/btrfs")) {
    auto members = host_.sysfs.list("fs/btrfs/" + id + "/devices");
    if (contains(members, name)) return members;
  }
  return {};
}

std::string BlockLayer::udev_property(const std::string& name, const std::string& key) const {
  const auto text = host_.read("/run/udev/data/b" + number(name));
  if (!text) return {};
  const std::string mark = "E:" + key + "=";
  for (const auto line : split(*text, '\n'))
    if (line.substr(0, mark.size()) == mark) return std::string(line.substr(mark.size()));
  return {};
}

}  // namespace qh::host
