#include "host/storage/disk_reasons.h"

#include <algorithm>

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"

namespace qh::host {
namespace {

using Names = std::vector<std::string>;

// "/, /home and /srv", "/, /home, /srv and 4 more".
std::string enumerated(const Names& all) {
  constexpr std::size_t most = 3;
  Names shown(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), most)));
  if (all.size() > most) shown.push_back(std::to_string(all.size() - most) + " more");
  if (shown.size() < 2) return join(shown);
  const std::string last = shown.back();
  shown.pop_back();
  return join(shown) + " and " + last;
}

// "tank" of the data set "tank/home".
std::string pool_of(const std::string& data_set) {
  return data_set.substr(0, data_set.find('/'));
}

}  // namespace

DiskReasons::DiskReasons(const Host& host) : host_(host), blocks_(host), mounts_(read_mounts(host)) {
  for (const auto& path : read_swap_devices(host)) swaps_.push_back(blocks_.name_of(path));
}

// The pool of which the device holds a member; empty for none.
std::string DiskReasons::zfs_pool(const std::string& name) const {
  if (blocks_.udev_property(name, "ID_FS_TYPE") != "zfs_member") return {};
  return blocks_.udev_property(name, "ID_FS_LABEL");
}

// Where the device is mounted; bind mounts of single folders only if there is nothing else.
Names DiskReasons::mount_points(const std::string& name) const {
  const std::string number = blocks_.number(name), pool = zfs_pool(name);
  const Names members = blocks_.btrfs_members(name);
  const auto belongs = [&](const Mount& m) {
    if (m.device == number) return true;
    // What spans disks has no disk's device number, only a name; bcachefs names all its members.
    if (m.type == "btrfs") return contains(members, blocks_.name_of(m.source));
    if (m.type == "zfs") return !pool.empty() && pool_of(m.source) == pool;
    if (m.type != "bcachefs") return false;
    const auto sources = split(m.source, ':');
    return std::any_of(sources.begin(), sources.end(),
                       [&](const auto source) { return blocks_.name_of(std::string(source)) == name; });
  };
  Names whole, any;
  for (const auto& m : mounts_) {
    if (!belongs(m)) continue;
    add_once(any, printable(m.point));
    if (m.root == "/") add_once(whole, printable(m.point));
  }
  return whole.empty() ? any : whole;
}

// What the device is used for directly.
std::string DiskReasons::own_reason(const std::string& name) const {
  Names reasons;
  const Names at = mount_points(name), members = blocks_.btrfs_members(name);
  const std::string pool = zfs_pool(name), mounted = at.empty() ? "" : " (mounted on " + enumerated(at) + ")";
  // An imported pool shows itself here (module spl of OpenZFS); else the exclusive open tells.
  const bool imported = !pool.empty() && pool.find('/') == std::string::npos &&
                        (!at.empty() || host_.exists("/proc/spl/kstat/zfs/" + pool));
  if (imported)
    reasons.push_back("is a member of the ZFS pool " + printable(pool) + mounted);
  else if (members.size() > 1 || (at.empty() && !members.empty()))
    reasons.push_back("is a member of a btrfs file system" + (at.empty() ? " in use" : mounted));
  else if (!at.empty())
    reasons.push_back("is mounted on " + enumerated(at));
  if (contains(swaps_, name)) reasons.push_back("is in use as swap");
  return join(reasons, " and ");
}

// " (mounted on / and /home, in use as swap)", for what is reached at the top.
std::string DiskReasons::reached(const Names& names) const {
  Names at, parts;
  bool swap = false;
  for (const auto& name : names) {
    for (const auto& one : blocks_.stack_above(name)) {
      for (const auto& point : mount_points(one)) add_once(at, point);
      swap = swap || contains(swaps_, one);
    }
  }
  if (!at.empty()) parts.push_back("mounted on " + enumerated(at));
  if (swap) parts.emplace_back("in use as swap");
  return parts.empty() ? "" : " (" + join(parts) + ")";
}

// What the holders make of a device, and others of them: "is encrypted and open as luks, which is a physical
// volume of the volume group vg0". `group`: the volume group below, whose further layers (thin pools, caches)
// say nothing new.
std::string DiskReasons::holder_reason(const Names& holders, const std::string& group, int depth) const {
  if (depth > 16) return {};  // a copy of somebody's files may run in circles
  Names parts;
  for (const auto& holder : holders) {
    const auto read = [&](const char* file) { return blocks_.attribute(holder, file); };
    const std::string uuid = read("dm/uuid"), name = read("dm/name"), level = read("md/level");
    std::string part, inside = group;
    if (uuid.starts_with("LVM-")) {
      inside = lvm_volume_group(name);
      if (inside != group) part = "is a physical volume of the volume group " + printable(inside);
    } else if (uuid.starts_with("CRYPT-")) {
      part = "is encrypted and open as " + printable(name);
    } else if (uuid.starts_with("mpath-")) {
      part = "is a path of the multipath disk " + printable(name);
    } else if (!level.empty()) {
      part = "is a member of the RAID array " + holder + " (" + printable(level) + ")";
    } else if (!blocks_.is_partition(holder)) {
      part = "is in use by " + printable(name.empty() ? holder : name);
    }
    const std::string more = holder_reason(blocks_.above(holder), inside, depth + 1);
    if (!part.empty() && !more.empty()) part += ", which ";
    part += more;
    if (!part.empty()) add_once(parts, part);
  }
  return join(parts, " and ");
}

std::string DiskReasons::reason(const Disk& disk) const {
  std::string own = own_reason(disk.name);
  Names held_by = blocks_.above(disk.name);
  // A disk's partitions are disks of their own here.
  std::erase_if(held_by, [&](const auto& name) { return blocks_.is_partition(name); });
  const std::string held = holder_reason(held_by, "", 0);
  if (held.empty()) return own;
  return (own.empty() ? "" : own + " and ") + held + reached(held_by);
}

std::string DiskReasons::reason_when_busy(const std::string& name) const {
  const std::string pool = zfs_pool(name);
  if (!pool.empty()) return "is a member of the ZFS pool " + printable(pool) + ", which is imported";
  return "is in use: the kernel or a program has it open exclusively";
}

Names DiskReasons::devices_of(const std::string& path) const {
  if (const std::string device = blocks_.name_of(path); !device.empty()) return {device};
  const Mount* mount = mount_of(mounts_, path);
  if (mount == nullptr) return {};
  const std::string source = blocks_.name_of(mount->source);
  if (mount->type == "btrfs") return blocks_.btrfs_members(source);
  Names all;
  for (const auto& name : host_.sysfs.list("class/block"))
    if (blocks_.number(name) == mount->device ||
        (mount->type == "zfs" && !zfs_pool(name).empty() && zfs_pool(name) == pool_of(mount->source)))
      all.push_back(name);
  return all;
}

}  // namespace qh::host
