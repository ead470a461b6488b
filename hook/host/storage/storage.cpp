#include "host/storage/storage.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"
#include "host/processes/child.h"
#include "host/storage/disk_reasons.h"

namespace qh::host {
namespace {

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
  const BlockLayer& blocks = reasons.blocks();
  for (const auto& image : images) {
    const bool is_node = !blocks.name_of(image).empty();
    // What /dev does not have, or has in memory only, is on no disk.
    if (!image.starts_with("/") || (!is_node && image.starts_with("/dev/"))) continue;
    const auto devices = reasons.devices_of(is_node ? image : real_path(host, image, patience));
    for (const auto& disk : disks) {
      const auto stack = blocks.stack_above(disk.name);
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
    if (!known && !reasons.blocks().number(disk.name).empty()) asked.push_back(disk);
  }
  if (asked.empty()) return;
  const auto answers = run_in_child("opening disks", Milliseconds{2000}, [&]() -> Result<std::string> {
    std::string all;
    const std::string dev = host.path("/dev/");
    const Deadline patience(Milliseconds{200});
    for (const auto& disk : asked) {
      std::string node = disk.name;
      std::replace(node.begin(), node.end(), '!', '/');
      Exclusive answer = Exclusive::unknown;
      // A program that merely looks at it, as this one does, is soon done.
      patience.wait_for([&] {
        answer = try_exclusive(dev + node);
        return answer != Exclusive::busy;
      });
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
  const auto disks = BlockLayer(host).beneath(address);
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
