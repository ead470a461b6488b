// What is said about disks, over recorded hosts.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/text.h"
#include "fakes/hosts.h"
#include "host/storage/mounts.h"
#include "host/storage/storage.h"

using namespace qh;
using Names = std::vector<std::string>;

namespace {

struct World {
  explicit World(const std::string& description) { fakes::write_host(root, description); }

  host::StorageUse use(const char* address, const Names& images = {}, const Names& busy = {},
                       const Names& closed = {}) const {
    const auto ends = [](const Names& list, const std::string& node) {
      return std::any_of(list.begin(), list.end(),
                         [&](const auto& name) { return node.ends_with("/dev/" + name); });
    };
    return host::storage_use(host, *parse_pci_address(address), images, Deadline(host::image_patience),
                             [&](const auto& node) {
                               if (ends(busy, node)) return host::Exclusive::busy;
                               return ends(closed, node) ? host::Exclusive::unknown : host::Exclusive::free;
                             });
  }
  Names sentences(const char* address, const Names& images = {}, const Names& busy = {}) const {
    Names all;
    for (const auto& u : use(address, images, busy).uses) {
      CHECK(u.sentence.find(u.disk) != std::string::npos);
      all.push_back(u.sentence);
    }
    return all;
  }

  fakes::TemporaryRoot root;
  host::RealHost host{root.path()};
};

}  // namespace

TEST_CASE("a system disk with LUKS and LVM says what is reached at the top") {
  const World w(fakes::desktop);
  CHECK(
      w.sentences("0000:02:00.0") ==
      Names{
          "nvme0n1p1 is mounted on /boot/efi", "nvme0n1p2 is mounted on /boot",
          "nvme0n1p3 is encrypted and open as luks-root, which is a physical volume of the volume group vg0 "
          "(mounted on / and /home, in use as swap)"});
}

TEST_CASE("a disk that nobody uses is free, and functions without disks say nothing") {
  const World w(fakes::desktop);
  for (const char* address :
       {"0000:04:00.0", "0000:00:17.0", "0000:01:00.0", "0000:03:00.0", "0000:77:00.0"}) {
    CAPTURE(address);
    const auto use = w.use(address);
    CHECK(use.uses.empty());
    CHECK(use.unknown.empty());
  }
}

TEST_CASE("a stick in the card's own USB socket counts, with the blank in its mount point") {
  CHECK(World(fakes::desktop).sentences("0000:01:00.2") == Names{"sdz1 is mounted on /media/ann/MY STICK"});
}

TEST_CASE("btrfs is found on the member, on LUKS and over several disks") {
  CHECK(World(fakes::apu_laptop).sentences("0000:02:00.0").back() ==
        "nvme0n1p3 is encrypted and open as luks-77 (mounted on / and /home)");
  const World w(fakes::workstation);
  const auto all = w.sentences("0000:0d:00.0");
  REQUIRE(all.size() >= 2);
  CHECK(all[0] == "sdd is a member of a btrfs file system (mounted on /data)");
  CHECK(all[1] == "sde is a member of a btrfs file system (mounted on /data)");
}

TEST_CASE("a btrfs of one disk is simply mounted; one that no namespace shows is in use all the same") {
  World w(
      "pci 0000:01:00.0 144d:a80a 144d:a801 010802 nvme 1\n"
      "block 0000:01:00.0 nvme/nvme0/nvme0n1 259:0\n"
      "block 0000:01:00.0 nvme/nvme0/nvme0n2 259:1\n"
      "btrfs aa nvme0n1\n"
      "btrfs bb nvme0n2\n"
      "mount 0:40 / /data btrfs /dev/nvme0n1\n");
  CHECK(w.sentences("0000:01:00.0") ==
        Names{"nvme0n1 is mounted on /data", "nvme0n2 is a member of a btrfs file system in use"});
}

TEST_CASE("RAID, thin LVM, bcache, swap and ZFS") {
  const World w(fakes::workstation);
  const std::string raid =
      " is a member of the RAID array md0 (raid1), which is a physical volume of the volume group my-vg "
      "(mounted on / and /var/lib/libvirt/images)";
  CHECK(w.sentences("0000:0c:00.0") ==
        Names{"sda1" + raid, "sdb1" + raid,
              "sdc1 is a member of the ZFS pool tank (mounted on /tank and /tank/media)"});
  const auto other = w.sentences("0000:0d:00.0");
  REQUIRE(other.size() == 5);
  CHECK(other[2] == "sdf1 is in use by bcache0 (mounted on /srv)");
  CHECK(other[3] == "sdf2 is in use as swap");
  CHECK(other[4] == "sdg is a physical volume of the volume group vg1");
}

TEST_CASE("a ZFS pool without mounts is in use while it is imported, and only then") {
  const std::string host =
      "pci 0000:01:00.0 144d:a80a 144d:a801 010802 nvme 1\n"
      "block 0000:01:00.0 nvme/nvme0/nvme0n1 259:0\n"
      "block 0000:01:00.0 nvme/nvme0/nvme0n1/nvme0n1p1 259:1\n"
      "udev 259:1 ID_FS_TYPE=zfs_member ID_FS_LABEL=tank\n";
  CHECK(World(host).sentences("0000:01:00.0").empty());
  // The kernel says that it is open: then it is the pool.
  CHECK(World(host).sentences("0000:01:00.0", {}, {"nvme0n1", "nvme0n1p1"}) ==
        Names{"nvme0n1p1 is a member of the ZFS pool tank, which is imported"});
  CHECK(World(host + "file /proc/spl/kstat/zfs/tank/state ONLINE\n").sentences("0000:01:00.0") ==
        Names{"nvme0n1p1 is a member of the ZFS pool tank"});
}

TEST_CASE("partitions of an array, multipath and other holders") {
  const World w(
      "pci 0000:01:00.0 1000:0097 1000:3090 010700 mpt3sas 1\n"
      "block 0000:01:00.0 host0/target0:0:0/0:0:0:0/block/sda 8:0\n"
      "block 0000:01:00.0 host0/target0:0:1/0:0:1:0/block/sdb 8:16\n"
      "block 0000:01:00.0 host0/target0:0:2/0:0:2:0/block/sdc 8:32\n"
      "md md127 9:127 raid0 on sda\n"
      "block 0000:01:00.0 host0/target0:0:3/0:0:3:0/block/sdd 8:48\n"
      "disk virtual/block/md127/md127p1 259:9\n"
      "mount 259:9 / /scratch xfs /dev/md127p1\n"
      "dm dm-0 254:0 mpatha mpath-3600508b on sdb\n"
      "dm dm-1 254:1 mpatha1 part1-mpath-3600508b on dm-0\n"
      "mount 254:1 / /san xfs /dev/mapper/mpatha1\n"
      "dm dm-2 254:2 cow - on sdc\n");
  CHECK(w.sentences("0000:01:00.0") ==
        Names{"sda is a member of the RAID array md127 (raid0) (mounted on /scratch)",
              "sdb is a path of the multipath disk mpatha, which is in use by mpatha1 (mounted on /san)",
              "sdc is in use by cow"});
}

TEST_CASE("the disk of an NVMe with native multipath is found below its subsystem") {
  CHECK(World(fakes::server).sentences("0000:05:00.0") == Names{"nvme0n1p1 is mounted on /"});
}

TEST_CASE("behind VMD: its disk's own function and VMD itself; what only init has mounted counts") {
  const World w(fakes::vmd_board);
  const Names all{"nvme0n1p1 is mounted on /boot/efi", "nvme0n1p2 is mounted on /"};
  CHECK(w.sentences("10000:e1:00.0") == all);
  CHECK(w.sentences("0000:00:0e.0") == all);
}

TEST_CASE("many mount points are shortened, bind mounts left out") {
  std::string host =
      "pci 0000:01:00.0 144d:a80a 144d:a801 010802 nvme 1\n"
      "block 0000:01:00.0 nvme/nvme0/nvme0n1 259:0\n"
      "block 0000:01:00.0 nvme/nvme0/nvme0n2 259:1\n"
      "mount 259:0 /sub /bind ext4 /dev/nvme0n1\n";
  for (const char* point : {"/a", "/b", "/c", "/d", "/e"})
    host += std::string("mount 259:0 / ") + point + " ext4 /dev/nvme0n1\n";
  host += "mount 259:1 /only /container/folder ext4 /dev/nvme0n2\n";
  CHECK(World(host).sentences("0000:01:00.0") ==
        Names{"nvme0n1 is mounted on /a, /b, /c and 2 more", "nvme0n2 is mounted on /container/folder"});
}

TEST_CASE("a mount point cannot send control characters") {
  const World w(
      "pci 0000:01:00.0 144d:a80a 144d:a801 010802 nvme 1\n"
      "block 0000:01:00.0 nvme/nvme0/nvme0n1 259:0\n"
      "mount 259:0 / /x\\033[2J ext4 /dev/nvme0n1\n");
  CHECK(w.sentences("0000:01:00.0") == Names{"nvme0n1 is mounted on /x\\x1b[2J"});
}

TEST_CASE("what the kernel says of a disk of which nothing else is known") {
  const World w(fakes::desktop);
  SUBCASE("a busy partition makes its disk busy, and is the reason") {
    CHECK(w.sentences("0000:04:00.0", {}, {"nvme1n1", "nvme1n1p1"}) ==
          Names{"nvme1n1p1 is in use: the kernel or a program has it open exclusively"});
  }
  SUBCASE("a busy disk without a busy partition: somebody has it whole") {
    CHECK(w.sentences("0000:04:00.0", {}, {"nvme1n1"}) ==
          Names{"nvme1n1 is in use: the kernel or a program has it open exclusively"});
  }
  SUBCASE("what has a reason is not asked, nor the rest of its disk where it would say the same") {
    CHECK(w.sentences("0000:02:00.0", {}, {"nvme0n1", "nvme0n1p1", "nvme0n1p2", "nvme0n1p3"}).size() == 3);
  }
  SUBCASE("what cannot be opened is unknown, its partitions are not repeated") {
    const auto use = w.use("0000:04:00.0", {}, {}, {"nvme1n1", "nvme1n1p1"});
    CHECK(use.uses.empty());
    REQUIRE(use.unknown.size() == 1);
    CHECK(use.unknown[0].sentence == "nvme1n1 cannot be opened to see whether it is in use");
  }
  SUBCASE("a program that only looks is waited for") {
    const auto marker = w.root.path() + "/looked";
    const auto use = host::storage_use(w.host, *parse_pci_address("0000:04:00.0"), {},
                                       Deadline(host::image_patience), [&](const std::string&) {
                                         const bool first = !std::filesystem::exists(marker);
                                         if (first) w.root.write("/looked", "");
                                         return first ? host::Exclusive::busy : host::Exclusive::free;
                                       });
    CHECK(use.uses.empty());
  }
  SUBCASE("a disk that never answers is unknown") {
    const auto use = host::storage_use(w.host, *parse_pci_address("0000:04:00.0"), {},
                                       Deadline(host::image_patience), [](const std::string&) {
                                         ::pause();
                                         return host::Exclusive::free;
                                       });
    CHECK(use.uses.empty());
    REQUIRE(use.unknown.size() == 1);
    CHECK(use.unknown[0].sentence == "nvme1n1 does not answer");
  }
}

TEST_CASE("an exclusive open of what is no block device decides nothing") {
  const fakes::TemporaryRoot root;
  root.write("/file", "x");
  CHECK(host::open_exclusively(root.path() + "/file") == host::Exclusive::absent);
  CHECK(host::open_exclusively(root.path() + "/none") == host::Exclusive::absent);
  CHECK(host::open_exclusively("/dev/null") == host::Exclusive::absent);
}

TEST_CASE("an exclusive open of a real block device") {
  for (int i = 0; i < 8; ++i) {
    const std::string node = "/dev/loop" + std::to_string(i);
    if (host::open_exclusively(node) != host::Exclusive::free) continue;
    const int held = ::open(node.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC);
    if (held < 0) continue;
    CHECK(host::open_exclusively(node) == host::Exclusive::busy);
    ::close(held);
    CHECK(host::open_exclusively(node) == host::Exclusive::free);
    return;
  }
  MESSAGE("no block device to try it on");
}

TEST_CASE("the guest's own image files") {
  const World w(fakes::workstation);
  SUBCASE("a file on a volume on RAID: each disk below it") {
    const auto all = w.sentences("0000:0c:00.0", {"/var/lib/libvirt/images/win10.qcow2"});
    REQUIRE(all.size() == 5);
    CHECK(all[0] == "the guest's own disk /var/lib/libvirt/images/win10.qcow2 is on sda1");
    CHECK(all[1] == "the guest's own disk /var/lib/libvirt/images/win10.qcow2 is on sdb1");
  }
  SUBCASE("on btrfs and on ZFS") {
    CHECK(w.sentences("0000:0d:00.0", {"/data/a.img"})[1] == "the guest's own disk /data/a.img is on sde");
    CHECK(w.sentences("0000:0c:00.0", {"/tank/a.img"})[0] == "the guest's own disk /tank/a.img is on sdc1");
  }
  SUBCASE("a logical volume, by LVM's name and by the device mapper's") {
    for (const char* name : {"/dev/vg1/win10", "/dev/mapper/vg1-win10", "/dev/dm-4"}) {
      const auto all = w.sentences("0000:0d:00.0", {name});
      CHECK(std::count(all.begin(), all.end(), std::string("the guest's own disk ") + name + " is on sdg") ==
            1);
    }
  }
  SUBCASE("elsewhere, and what is no file") {
    const auto none = w.sentences("0000:0d:00.0");
    CHECK(w.sentences("0000:0d:00.0", {"/var/lib/libvirt/images/win10.qcow2"}) == none);
    // sda1 has the root file system.
    for (const char* name : {"", "relative.img", "/dev/nvme7n1", "/dev/mapper/gone", "/dev/shm/x.img"})
      CHECK(w.sentences("0000:0c:00.0", {name}).size() == 3);
  }
}

TEST_CASE("a raw partition, a link in /dev/disk, and a link to an image") {
  const World w(fakes::desktop);
  CHECK(w.sentences("0000:04:00.0", {"/dev/nvme1n1p1"}) ==
        Names{"the guest's own disk /dev/nvme1n1p1 is nvme1n1p1"});
  CHECK(w.sentences("0000:04:00.0", {"/dev/nvme1n1"})[0] == "the guest's own disk /dev/nvme1n1 is nvme1n1");
  namespace fs = std::filesystem;
  fs::create_directories(w.root.path() + "/dev/disk/by-id");
  fs::create_symlink("../../nvme1n1", w.root.path() + "/dev/disk/by-id/nvme-WD");
  CHECK(w.sentences("0000:04:00.0", {"/dev/disk/by-id/nvme-WD"}) ==
        Names{"the guest's own disk /dev/disk/by-id/nvme-WD is nvme1n1"});
  // A folder of images that is a link to the other disk.
  w.root.write("/media/ann/MY STICK/a.img", "");
  fs::create_directories(w.root.path() + "/var/lib/libvirt");
  fs::create_symlink("../../../media/ann/MY STICK", w.root.path() + "/var/lib/libvirt/images");
  CHECK(w.sentences("0000:01:00.2", {"/var/lib/libvirt/images/a.img"})[0] ==
        "the guest's own disk /var/lib/libvirt/images/a.img is on sdz1");
  // Once the time for all images is up, none is looked for any more.
  const auto late =
      host::storage_use(w.host, *parse_pci_address("0000:01:00.2"), {"/var/lib/libvirt/images/a.img"},
                        Deadline(Milliseconds{0}), [](const auto&) { return host::Exclusive::free; });
  for (const auto& u : late.uses) CHECK(u.sentence.find("a.img") == std::string::npos);
}

TEST_CASE("mounts: by name alone, the innermost wins, the later covers the earlier") {
  const std::vector<host::Mount> mounts{{"8:1", "/", "/", "ext4", "/dev/sda1"},
                                        {"8:2", "/", "/var", "ext4", "/dev/sda2"},
                                        {"8:3", "/", "/var", "ext4", "/dev/sda3"}};
  CHECK(host::mount_of(mounts, "/var/lib/x")->device == "8:3");
  CHECK(host::mount_of(mounts, "/variable")->device == "8:1");
  CHECK(host::mount_of({}, "/x") == nullptr);
  CHECK(host::unescaped("a\\040b\\134c\\0") == "a b\\c\\0");
}
