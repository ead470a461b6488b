#include "host/storage/block_device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "core/contains.h"
#include "core/deadline.h"
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

std::vector<std::string> partitions(const Host& host, const std::string& name) {
  auto all = host.sysfs.list(std::string(folder) + "/" + name);
  // A partition's folder lies in its disk's (Documentation/ABI/stable/sysfs-block).
  std::erase_if(all, [&](const auto& entry) { return !is_partition(host, name + "/" + entry); });
  return all;
}

// Without O_CREAT, O_EXCL asks a block device whether anything in the kernel or any program has claimed it: a
// mount, a member of a pool, mkfs (open(2); bd_prepare_to_claim in block/bdev.c). O_NONBLOCK: an empty drive
// is not waited for.
Exclusive try_open(const std::string& node, Fd& fd) {
  struct stat status {};
  if (::stat(node.c_str(), &status) < 0 || !S_ISBLK(status.st_mode)) return Exclusive::absent;
  fd = Fd(::open(node.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC));
  if (fd) return Exclusive::free;
  if (errno == EBUSY) return Exclusive::busy;
  return errno == ENOMEDIUM || errno == ENXIO || errno == ENODEV ? Exclusive::free : Exclusive::unknown;
}

}  // namespace

std::string block_attribute(const Host& host, const std::string& name, const std::string& file) {
  return host.sysfs.read(std::string(folder) + "/" + name + "/" + file).value_or("");
}

std::string block_number(const Host& host, const std::string& name) {
  return name.empty() ? "" : block_attribute(host, name, "dev");
}

bool is_partition(const Host& host, const std::string& name) {
  return host.sysfs.exists(std::string(folder) + "/" + name + "/partition");
}

std::vector<Disk> disks_beneath(const Host& host, const PciAddress& address) {
  std::vector<std::string> wholes;
  for (const auto& found : links_beneath(host, folder, {address})) {
    if (is_partition(host, found.name)) continue;
    const std::string head = multipath_head(found.name);
    // A head counts also when other controllers lead to it: that they do does not say that they work.
    add_once(wholes, head.empty() ? found.name : head);
  }
  std::vector<Disk> all;
  for (const auto& whole : wholes) {
    all.push_back({whole, whole});
    for (const auto& partition : partitions(host, whole)) all.push_back({partition, whole});
  }
  return all;
}

std::string block_name(const Host& host, const std::string& path) {
  if (!path.starts_with("/dev/")) return {};
  const auto known = [&](const std::string& path_inside) {
    // The kernel writes "cciss/c0d0" as "cciss!c0d0" (device_get_devnode in drivers/base/core.c).
    const std::string name = replaced(path_inside, '/', "!");
    return host.sysfs.exists(std::string(folder) + "/" + name + "/dev") ? name : std::string();
  };
  const std::string inside = path.substr(5);
  if (auto name = known(inside); !name.empty()) return name;
  if (const auto target = host.link_target(path))
    if (auto name = known(target->substr(target->rfind('/') + 1)); !name.empty()) return name;
  // The names that device mapper and LVM give, where /dev does not have them as links.
  std::string mapped;
  const auto slash = inside.find('/');
  if (inside.starts_with("mapper/"))
    mapped = inside.substr(7);
  else if (slash != std::string::npos)
    mapped =
        replaced(inside.substr(0, slash), '-', "--") + "-" + replaced(inside.substr(slash + 1), '-', "--");
  struct stat status {};
  const bool is_node = ::stat((host.path(path)).c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  const std::string node =
      is_node ? std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev)) : "";
  if (mapped.empty() && node.empty()) return {};
  for (const auto& name : host.sysfs.list(folder)) {
    if (!mapped.empty() && block_attribute(host, name, "dm/name") == mapped) return name;
    if (!node.empty() && block_number(host, name) == node) return name;
  }
  return {};
}

std::vector<std::string> blocks_above(const Host& host, const std::string& name) {
  auto all = host.sysfs.list(std::string(folder) + "/" + name + "/holders");
  for (const auto& partition : partitions(host, name)) all.push_back(partition);
  return all;
}

std::vector<std::string> block_stack(const Host& host, const std::string& name) {
  std::vector<std::string> all{name};
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const auto& next : blocks_above(host, all[i])) add_once(all, next);
  return all;
}

std::vector<std::string> btrfs_members(const Host& host, const std::string& name) {
  // fs/btrfs/sysfs.c: one folder for each mounted file system, with links to its members.
  for (const auto& id : host.sysfs.list("fs/btrfs")) {
    auto members = host.sysfs.list("fs/btrfs/" + id + "/devices");
    if (contains(members, name)) return members;
  }
  return {};
}

Exclusive open_exclusively(const std::string& node) {
  Fd fd;
  return try_open(node, fd);
}

Result<std::vector<Fd>> hold_exclusively(const std::string& root, const std::vector<std::string>& nodes) {
  std::vector<Fd> held;
  for (const auto& node : nodes) {
    Fd fd;
    const bool is_free =
        Deadline(Milliseconds{200}).wait_for([&] { return try_open(root + node, fd) != Exclusive::busy; });
    if (!is_free)
      return fail(ErrorKind::refused,
                  node + " is now in use: it is mounted, or a program has it open exclusively",
                  "stop using it first");
    if (fd) held.push_back(std::move(fd));
  }
  return held;
}

}  // namespace qh::host
