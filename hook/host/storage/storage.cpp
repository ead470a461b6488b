#include "host/storage/storage.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"
#include "host/processes/child.h"
#include "host/services/udev.h"
#include "host/storage/block_device.h"
#include "host/storage/mounts.h"

namespace qh::host {
namespace {

using Names = std::vector<std::string>;

// "/, /home and /srv", "/, /home, /srv and 4 more".
std::string enumerated(Names all) {
  if (all.size() < 2) return join(all);
  constexpr std::size_t most = 3;
  const std::string last = all.size() > most ? std::to_string(all.size() - most) + " more" : all.back();
  all.resize(std::min(all.size() - 1, most));
  return join(all) + " and " + last;
}

// "tank" of the data set "tank/home".
std::string pool_of(const std::string& data_set) {
  return data_set.substr(0, data_set.find('/'));
}

// "vg0" of the device mapper name "vg0-root": LVM joins the two with a hyphen and doubles those within.
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

// What the host uses its disks for, according to sysfs, the mounts and swap: one look at mounts and swap,
// then questions about each disk.
class DiskReasons {
 public:
  explicit DiskReasons(const Host& host) : host_(host), mounts_(read_mounts(host)) {
    for (const auto& path : read_swap_devices(host)) swaps_.push_back(block_name(host_, path));
  }

  // Why the disk is in use, as the rest of a sentence that begins with its name: "is mounted on /home", "is
  // encrypted and open as luks, which is a physical volume of the volume group vg0 (mounted on /)". Empty: no
  // reason known.
  std::string reason(const Disk& disk) const {
    std::string own = own_reason(disk.name);
    Names held_by = blocks_above(host_, disk.name);
    // A disk's partitions are disks of their own here.
    std::erase_if(held_by, [&](const auto& name) { return is_partition(host_, name); });
    const std::string held = holder_reason(held_by, "", 0);
    if (held.empty()) return own;
    return (own.empty() ? "" : own + " and ") + held + reached(held_by);
  }

  // The disk is known to the kernel to be in use, without a reason that is written anywhere.
  std::string reason_when_busy(const std::string& name) const {
    const std::string pool = zfs_pool(name);
    if (!pool.empty()) return "is a member of the ZFS pool " + printable(pool) + ", which is imported";
    return "is in use: the kernel or a program has it open exclusively";
  }

  // The block devices that the file or the file system with this path is on.
  Names devices_of(const std::string& path) const {
    if (const std::string device = block_name(host_, path); !device.empty()) return {device};
    const Mount* mount = mount_of(mounts_, path);
    if (mount == nullptr) return {};
    const std::string source = block_name(host_, mount->source);
    if (mount->type == "btrfs") return btrfs_members(host_, source);
    const std::string pool = mount->type == "zfs" ? pool_of(mount->source) : "";
    auto all = host_.sysfs.list("class/block");
    std::erase_if(all, [&](const auto& name) {
      return block_number(host_, name) != mount->device && (pool.empty() || zfs_pool(name) != pool);
    });
    return all;
  }

 private:
  // The pool of which the device holds a member; empty for none.
  std::string zfs_pool(const std::string& name) const {
    const auto entry = udev_entry(host_, "b" + block_number(host_, name));
    return entry.property("ID_FS_TYPE") == "zfs_member" ? entry.property("ID_FS_LABEL") : "";
  }

  // Where the device is mounted; bind mounts of single folders only if there is nothing else.
  Names mount_points(const std::string& name) const {
    const std::string number = block_number(host_, name), pool = zfs_pool(name);
    const Names members = btrfs_members(host_, name);
    const auto belongs = [&](const Mount& m) {
      if (m.device == number) return true;
      // What spans disks has no disk's device number, only a name; bcachefs names all its members.
      if (m.type == "btrfs") return contains(members, block_name(host_, m.source));
      if (m.type == "zfs") return !pool.empty() && pool_of(m.source) == pool;
      if (m.type != "bcachefs") return false;
      const auto sources = split(m.source, ':');
      return std::any_of(sources.begin(), sources.end(),
                         [&](const auto source) { return block_name(host_, std::string(source)) == name; });
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
  std::string own_reason(const std::string& name) const {
    Names reasons;
    const Names at = mount_points(name), members = btrfs_members(host_, name);
    const std::string pool = zfs_pool(name),
                      mounted = at.empty() ? "" : " (mounted on " + enumerated(at) + ")";
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
  std::string reached(const Names& names) const {
    Names at, parts;
    bool swap = false;
    for (const auto& name : names) {
      for (const auto& one : block_stack(host_, name)) {
        for (const auto& point : mount_points(one)) add_once(at, point);
        swap = swap || contains(swaps_, one);
      }
    }
    if (!at.empty()) parts.push_back("mounted on " + enumerated(at));
    if (swap) parts.emplace_back("in use as swap");
    return parts.empty() ? "" : " (" + join(parts) + ")";
  }

  // What the holders make of a device, and others of them: "is encrypted and open as luks, which is a
  // physical volume of the volume group vg0". `group`: the volume group below, whose further layers (thin
  // pools, caches) say nothing new.
  std::string holder_reason(const Names& holders, const std::string& group, int depth) const {
    if (depth > 16) return {};  // a copy of somebody's files may run in circles
    Names parts;
    for (const auto& holder : holders) {
      const auto read = [&](const char* file) { return block_attribute(host_, holder, file); };
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
      } else if (!is_partition(host_, holder)) {
        part = "is in use by " + printable(name.empty() ? holder : name);
      }
      const std::string more = holder_reason(blocks_above(host_, holder), inside, depth + 1);
      if (!part.empty() && !more.empty()) part += ", which ";
      part += more;
      if (!part.empty()) add_once(parts, part);
    }
    return join(parts, " and ");
  }

  const Host& host_;
  std::vector<Mount> mounts_;
  Names swaps_;
};

bool names_disk(const std::vector<DiskUse>& uses, const std::string& name) {
  return std::any_of(uses.begin(), uses.end(), [&](const auto& u) { return u.disk == name; });
}

// A file's name without links. In a child: a folder on the way may be on a server that does not answer. Once
// `patience` has passed, names are taken as they are.
std::string real_path(const Host& host, const std::string& path, const Deadline& patience) {
  if (patience.passed()) return path;
  const auto limit = std::min(Milliseconds{1000}, patience.left());
  const auto real = run_in_child("looking for " + path, limit, [&]() -> Result<std::string> {
    const std::unique_ptr<char, void (*)(void*)> found(::realpath(host.path(path).c_str(), nullptr),
                                                       std::free);
    if (!found) return fail(system_error("find", path, errno));
    return std::string(found.get());
  });
  if (!real || !real->starts_with(host.root)) return path;
  return real->substr(host.root.size());
}

void find_own_images(const Host& host, const DiskReasons& reasons, const std::vector<Disk>& disks,
                     const std::vector<std::string>& images, const Deadline& patience,
                     std::vector<DiskUse>& out) {
  for (const auto& image : images) {
    const bool is_node = !block_name(host, image).empty();
    // What /dev does not have, or has in memory only, is on no disk.
    if (!image.starts_with("/") || (!is_node && image.starts_with("/dev/"))) continue;
    const auto devices = reasons.devices_of(is_node ? image : real_path(host, image, patience));
    for (const auto& disk : disks) {
      const auto stack = block_stack(host, disk.name);
      const bool on_it =
          std::find_first_of(stack.begin(), stack.end(), devices.begin(), devices.end()) != stack.end();
      if (!on_it) continue;
      // Its partition says it better than the disk, which comes first here.
      if (!disk.is_whole() && !out.empty() && out.back().disk == disk.whole) out.pop_back();
      const bool itself = is_node && contains(devices, disk.name);
      out.push_back({disk.name,
                     "the guest's own disk " + printable(image) + (itself ? " is " : " is on ") + disk.name});
    }
  }
}

// Asks the kernel about the disks of which nothing else is known.
void ask_kernel(const Host& host, const DiskReasons& reasons, const std::vector<Disk>& disks,
                const TryExclusive& try_exclusive, StorageUse& out) {
  std::vector<Disk> asked;
  for (const auto& disk : disks) {
    // Who claims a partition claims its disk, and the other way round (bd_may_claim in block/bdev.c): nothing
    // new would be learned.
    const bool known = std::any_of(disks.begin(), disks.end(), [&](const auto& other) {
      const bool together = disk.is_whole() ? other.whole == disk.name : other.name == disk.whole;
      return (together || other.name == disk.name) && names_disk(out.uses, other.name);
    });
    // The hidden half of a multipath disk has no number and no node.
    if (!known && !block_number(host, disk.name).empty()) asked.push_back(disk);
  }
  if (asked.empty()) return;
  const auto answers = run_in_child("opening disks", Milliseconds{2000}, [&]() -> Result<std::string> {
    std::string all;
    const Deadline patience(Milliseconds{200});
    for (const auto& disk : asked) {
      const std::string node = host.path("/dev/" + replaced(disk.name, '!', "/"));
      Exclusive answer = Exclusive::unknown;
      // A program that merely looks at it, as this one does, is soon done.
      patience.wait_for([&] {
        answer = try_exclusive(node);
        return answer != Exclusive::busy;
      });
      if (answer == Exclusive::busy) note(node, "busy");
      if (host.is_copy() && read_file(node) == "busy") answer = Exclusive::busy;
      all += static_cast<char>('0' + static_cast<int>(answer));
    }
    return all;
  });
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const Disk& disk = asked[i];
    if (!answers || i >= answers->size()) {
      out.unknown.push_back({disk.name, disk.name + " does not answer"});
      continue;
    }
    auto answer = static_cast<Exclusive>((*answers)[i] - '0');
    // A copy of a host's files has no nodes; a host that has none hides something.
    if (answer == Exclusive::absent && !host.is_copy()) answer = Exclusive::unknown;
    if (answer == Exclusive::busy)
      out.uses.push_back({disk.name, disk.name + " " + reasons.reason_when_busy(disk.name)});
    else if (answer == Exclusive::unknown)
      out.unknown.push_back({disk.name, disk.name + " cannot be opened to see whether it is in use"});
  }
  // A disk is busy when its partition is, and unknown partitions add nothing to an unknown disk.
  for (const auto& disk : asked) {
    if (disk.is_whole()) continue;
    if (names_disk(out.uses, disk.name))
      std::erase_if(out.uses, [&](const auto& use) { return use.disk == disk.whole; });
    if (names_disk(out.unknown, disk.whole))
      std::erase_if(out.unknown, [&](const auto& use) { return use.disk == disk.name; });
  }
}

}  // namespace

StorageUse storage_use(const Host& host, const PciAddress& address, const std::vector<std::string>& images,
                       const Deadline& patience, const TryExclusive& try_exclusive) {
  StorageUse out;
  const auto disks = disks_beneath(host, address);
  if (disks.empty()) return out;
  const DiskReasons reasons(host);
  find_own_images(host, reasons, disks, images, patience, out.uses);
  for (const auto& disk : disks) {
    const std::string reason = reasons.reason(disk);
    if (!reason.empty()) out.uses.push_back({disk.name, disk.name + " " + reason});
  }
  ask_kernel(host, reasons, disks, try_exclusive, out);
  return out;
}

}  // namespace qh::host
