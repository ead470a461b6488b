// What the checks say of guests on recorded hosts: each row of what is refused, and what is only warned of.
#include <doctest/doctest.h>

#include <algorithm>

#include "fakes/hosts.h"
#include "handover/checks/checks.h"
#include "handover/journal.h"
#include "host/processes/confinement.h"

using namespace qh;
using namespace qh::handover;
using Names = std::vector<std::string>;

namespace {

struct World {
  explicit World(const std::string& description) { fakes::write_host(root, description); }

  Guest guest(const Names& addresses) const {
    xml::Domain domain{"win10", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", {}, {}, {}};
    for (const auto& a : addresses)
      domain.devices.push_back({*parse_pci_address(a), xml::Source::hostdev, false});
    return make_guest(domain, {}, host);
  }
  std::vector<Finding> check(Guest guest) const {
    return handover::check(survey_devices(host, std::move(guest)));
  }
  // Those of one check, as "error: message".
  Names findings(const char* name, Guest guest) const {
    Names all;
    for (const auto& f : check(std::move(guest))) {
      if (f.check != name) continue;
      CHECK_MESSAGE((!f.remedy.empty() || f.severity == Severity::warning), f.message);
      if (!f.device.empty()) CHECK(f.message.find(f.device + ": ") == 0);
      all.push_back((f.severity == Severity::error ? "error: " : "warning: ") + f.message);
    }
    return all;
  }
  Names findings(const char* name, const Names& addresses) const { return findings(name, guest(addresses)); }

  fakes::TemporaryRoot root;
  host::RealHost host{root.path()};
};

const Names nvidia_card{"0000:01:00.0", "0000:01:00.1", "0000:01:00.2", "0000:01:00.3"};

bool nothing_but(const std::vector<Finding>& findings, const Names& checks) {
  for (const auto& f : findings)
    if (std::find(checks.begin(), checks.end(), f.check) == checks.end()) return false;
  return true;
}

}  // namespace

TEST_CASE("check: a whole secondary card that nobody uses is given away without a word") {
  const World w(fakes::workstation);
  // Its DRM card is free; both cards of the driver have other minors.
  CHECK(w.check(w.guest({"0000:02:00.0", "0000:02:00.1"})).empty());
}

TEST_CASE("check: present") {
  const World w(fakes::desktop);
  CHECK(w.findings("present", Names{"0000:09:00.0"}) ==
        Names{"error: 0000:09:00.0: there is no such device on this host"});
  CHECK(w.findings("present", Names{"0000:00:01.0"}) ==
        Names{"error: 0000:00:01.0: it is a bridge, which cannot be given to a guest"});
  CHECK(w.findings("present", nvidia_card).empty());
}

TEST_CASE("check: identity names both cards and where the meant one is now") {
  const World w(fakes::desktop);
  Guest guest = w.guest({"0000:03:00.0"});
  guest.devices[0].conf.identity = "144d:a80a 144d:a801 010802";
  const auto moved = w.check(guest);
  REQUIRE(!moved.empty());
  CHECK(moved[0].check == "identity");
  CHECK(moved[0].message.find("8086:15f3 1462:7d25 020000") != std::string::npos);
  CHECK(moved[0].message.find("144d:a80a 144d:a801 010802") != std::string::npos);
  CHECK(moved[0].message.find("which is now at 0000:02:00.0") != std::string::npos);
  CHECK(moved[0].remedy.find("0000:02:00.0") != std::string::npos);
  CHECK(moved[0].remedy.find("`qemu-hook --setup win10`") != std::string::npos);

  guest.devices[0].conf.identity = "1234:5678 0000:0000 020000";
  const auto gone = w.check(guest);
  REQUIRE(!gone.empty());
  CHECK(gone[0].message.find("which is no longer on this host") != std::string::npos);

  guest.devices[0].conf.identity = guest.devices[0].present->identity;
  CHECK(w.findings("identity", guest).empty());
}

TEST_CASE(
    "check: identity, two equal cards: the one that the guest means anyway is not where the other went") {
  const World w(
      "pci 0000:01:00.0 10de:2484 1462:3909 030000 - 1\n"
      "pci 0000:02:00.0 8086:15f3 1462:7d25 020000 - 2\n");
  Guest guest = w.guest({"0000:01:00.0", "0000:02:00.0"});
  for (auto& d : guest.devices) d.conf.identity = "10de:2484 1462:3909 030000";
  const auto found = w.findings("identity", guest);
  REQUIRE(found.size() == 1);
  CHECK(found[0].find("error: 0000:02:00.0: ") == 0);
  CHECK(found[0].find("no longer on this host") != std::string::npos);
}

TEST_CASE("check: IOMMU, and whether the firmware or the kernel is to blame") {
  const std::string device = "pci 0000:01:00.0 10de:2484 1462:3909 030000 - -\n";
  const auto remedy = [](const World& w) { return w.check(w.guest({"0000:01:00.0"})).at(0).remedy; };
  CHECK(World(device).findings("IOMMU", Names{"0000:01:00.0"}) ==
        Names{"error: 0000:01:00.0: it is in no IOMMU group"});
  CHECK(remedy(World(device)).find("in the firmware") != std::string::npos);
  CHECK(remedy(World(device + "file /sys/firmware/acpi/tables/DMAR x\n")).find("VT-d is on") !=
        std::string::npos);
  CHECK(remedy(World(device + "file /sys/firmware/acpi/tables/IVRS x\n")).find("AMD-Vi is on") !=
        std::string::npos);
  CHECK(remedy(World(device + "pci 0000:02:00.0 8086:15f3 1462:7d25 020000 - 3\n")).find("another slot") !=
        std::string::npos);
}

TEST_CASE("check: group, printed, with the drivers in the way") {
  const World w(fakes::desktop);
  CHECK(
      w.findings("group", Names{"0000:01:00.0", "0000:01:00.1"}) ==
      Names{"error: 0000:01:00.0: an IOMMU group can only go to a guest as a whole, and the host uses part "
            "of group "
            "15: 0000:01:00.2 (xhci_hcd), 0000:01:00.3 (nvidia-gpu); the group is 0000:01:00.0 0000:01:00.1 "
            "0000:01:00.2 0000:01:00.3"});
  CHECK(w.findings("group", nvidia_card).empty());
  // What is named here already is not warned of again.
  CHECK(w.findings("siblings", Names{"0000:01:00.0", "0000:01:00.1"}).empty());
}

TEST_CASE("check: group, members that are no hindrance: none, stubs, bridges, VFIO's") {
  for (const char* other :
       {"060400 pcieport", "040300 -", "040300 pci-stub", "040300 vfio-pci", "060400 shpchp"}) {
    CAPTURE(other);
    const World w("pci 0000:01:00.0 10de:2484 1462:3909 030000 - 1\npci 0000:02:00.0 8086:0001 8086:0002 " +
                  std::string(other) + " 1\n");
    CHECK(w.findings("group", Names{"0000:01:00.0"}).empty());
  }
  // An ISA bridge's driver does hinder.
  const World w(
      "pci 0000:00:1f.3 8086:0001 8086:0002 040300 - 1\n"
      "pci 0000:00:1f.0 8086:0003 8086:0002 060100 lpc_ich 1\n");
  CHECK(w.findings("group", Names{"0000:00:1f.3"}).size() == 1);
}

TEST_CASE("check: claim, of the device and of its group") {
  const World w(
      "pci 0000:01:00.0 10de:2484 1462:3909 030000 - 1\n"
      "pci 0000:01:00.1 10de:2485 1462:3909 040300 vfio-pci 1\n");
  Record other;
  other.guest = "gaming box";
  other.since = 1;
  other.devices = {*parse_pci_address("0000:01:00.1")};
  {
    REQUIRE(lock_folder(w.host, Milliseconds{100}));
    const auto journal = Journal::create(w.host, other);
    REQUIRE_MESSAGE(journal.has_value(), (journal ? "" : journal.error().message));
  }
  const auto own = w.findings("claim", Names{"0000:01:00.1"});
  REQUIRE(own.size() == 1);
  CHECK(
      own[0].find(
          "error: 0000:01:00.1: it has been detached by hand for the guest 'gaming box' since 1970-01-01") ==
      0);
  const auto mate = w.findings("claim", Names{"0000:01:00.0"});
  REQUIRE(mate.size() == 1);
  CHECK(mate[0].find("error: 0000:01:00.1: it shares its IOMMU group with a device of this guest, and it has "
                     "been detached") == 0);
}

TEST_CASE("check: storage, on each recorded host") {
  const auto of = [](const char* host, const char* address) {
    return World(host).findings("storage", Names{address});
  };
  const auto system = of(fakes::desktop, "0000:02:00.0");
  REQUIRE(system.size() == 1);
  CHECK(system[0].find("error: 0000:02:00.0: the host needs a disk on it: ") == 0);
  CHECK(system[0].find("nvme0n1p1 is mounted on /boot/efi") != std::string::npos);
  CHECK(of(fakes::desktop, "0000:04:00.0").empty());
  CHECK(of(fakes::desktop, "0000:01:00.2")[0].find("/media/ann/MY STICK") != std::string::npos);
  CHECK(of(fakes::apu_laptop, "0000:02:00.0").size() == 1);
  CHECK(of(fakes::workstation, "0000:0c:00.0").size() == 1);
  CHECK(of(fakes::workstation, "0000:0d:00.0").size() == 1);
  CHECK(of(fakes::server, "0000:05:00.0").size() == 1);
  CHECK(of(fakes::vmd_board, "0000:00:0e.0").size() == 1);
}

TEST_CASE("check: storage is not overridden by allow_in_use, nor where the guest's own image lies") {
  const World w(fakes::workstation);
  Guest guest = w.guest({"0000:0d:00.0"});
  guest.devices[0].conf.allow_in_use = true;
  CHECK(w.findings("storage", guest).size() == 1);

  guest = w.guest({"0000:0c:00.0"});
  guest.images = {"/var/lib/libvirt/images/win10.qcow2"};
  CHECK(w.findings("storage", guest)[0].find(
            "the guest's own disk /var/lib/libvirt/images/win10.qcow2 is on sda1") != std::string::npos);
}

TEST_CASE("check: storage that cannot be told is an error to root, a warning to others") {
  const World w("pci 0000:01:00.0 144d:a80a 144d:a801 010802 nvme 1\n");
  Survey s = survey_devices(w.host, w.guest({"0000:01:00.0"}));
  s.guest.devices[0].use.storage.unknown.push_back({"nvme0n1", "nvme0n1 does not answer"});
  CHECK(check(s).at(0).severity == Severity::error);
  CHECK(check(s).at(0).message.find("nvme0n1 does not answer") != std::string::npos);
  s.sees_all = false;
  CHECK(check(s).at(0).severity == Severity::warning);
  CHECK(check(s).at(0).remedy == "run this again as root");
}

TEST_CASE("check: network, unless the conf allows it") {
  const World w(fakes::desktop);
  Guest guest = w.guest({"0000:03:00.0"});
  CHECK(w.findings("network", guest) ==
        Names{"error: 0000:03:00.0: the host's network needs it: enp3s0 carries the default route"});
  guest.devices[0].conf.allow_in_use = true;
  CHECK(w.check(guest).empty());
  CHECK(World(fakes::server).findings("network", Names{"0000:03:00.1"}).size() == 1);
  CHECK(World(fakes::server).findings("network", Names{"0000:04:00.1"}).empty());
}

TEST_CASE("check: holders, by process, with their nodes; a card that carries the console is the desktop's") {
  const World apu(fakes::apu_laptop);
  Guest guest = apu.guest({"0000:05:00.0"});
  guest.gpu = config::Gpu::secondary;
  CHECK(apu.findings("holders", guest) ==
        Names{"error: 0000:05:00.0: the desktop has it open: gnome-shell (900: /dev/dri/card0, "
              "/dev/dri/renderD128)",
              "error: 0000:05:00.0: programs compute or draw on it: python3 (950: /dev/dri/renderD128)"});
  guest.devices[0].conf.allow_in_use = true;
  CHECK(apu.findings("holders", guest) ==
        Names{"warning: 0000:05:00.0: the desktop has it open: gnome-shell (900: /dev/dri/card0, "
              "/dev/dri/renderD128)"});
  guest.devices[0].conf.allow_in_use = false;
  guest.gpu = config::Gpu::automatic;
  CHECK(apu.findings("holders", guest).empty());

  const World desk(fakes::desktop);
  guest = desk.guest(nvidia_card);
  CHECK(desk.findings("holders", guest).empty());
  guest.gpu = config::Gpu::none;
  const auto found = desk.findings("holders", guest);
  REQUIRE(found.size() == 3);
  CHECK(found[0].find("the desktop has it open: Xorg (1201: /dev/dri/card1, /dev/nvidia0)") !=
        std::string::npos);
  CHECK(found[1].find("draw on it: telegram (1500: /dev/dri/renderD128 (mapped))") != std::string::npos);
  CHECK(found[2] == "error: 0000:01:00.0: in use by nvidia-persistenced (612: /dev/nvidia0)");
}

TEST_CASE("check: holders of a disk are never allowed, not even without a claim of theirs") {
  const World w("pci 0000:01:00.0 144d:a80a 144d:a801 010802 nvme 1\n");
  Survey s = survey_devices(w.host, w.guest({"0000:01:00.0"}));
  host::Holder holder{4242, "qemu-system-x86", {}};
  holder.node.path = "/dev/nvme0n1";
  holder.node.function = *parse_pci_address("0000:01:00.0");
  holder.node.is_block = true;
  s.holders.holders = {holder};
  s.guest.devices[0].conf.allow_in_use = true;
  REQUIRE(check(s).size() == 1);
  CHECK(check(s)[0].severity == Severity::error);
  CHECK(check(s)[0].message ==
        "0000:01:00.0: one of its disks is in use by qemu-system-x86 (4242: /dev/nvme0n1)");
}

TEST_CASE("check: a process that cannot be looked at is unknown, not free") {
  const World w(fakes::workstation);
  Survey s = survey_devices(w.host, w.guest({"0000:02:00.0", "0000:02:00.1"}));
  s.holders.unknown = {17, 4711};
  REQUIRE(check(s).size() == 1);
  CHECK(check(s)[0].severity == Severity::warning);
  CHECK(check(s)[0].message.find("17, 4711") != std::string::npos);

  // Nothing is denied to a hook without a profile, so there it is somebody who asks without root.
  s.holders.hidden = {"cupsd (17)"};
  CHECK(check(s)[0].severity == Severity::warning);
  s.profile = "libvirtd";
  REQUIRE(check(s).size() == 1);
  CHECK(check(s)[0].severity == Severity::error);
  CHECK(check(s)[0].message.find("the AppArmor profile libvirtd, which confines /etc/libvirt/hooks/qemu, "
                                 "hides processes that may have a device open: cupsd (17)") == 0);
  CHECK(check(s)[0].remedy.find("install/install.sh") != std::string::npos);
  // A process that the kernel holds is not hidden by the profile.
  s.holders.hidden.clear();
  CHECK(check(s)[0].severity == Severity::warning);
}

TEST_CASE("the profile that confines a process is one that is enforced") {
  const fakes::TemporaryRoot root;
  const host::RealHost host(root.path());
  CHECK(host::confinement(host) == "");
  for (const auto& [label, profile] : std::vector<std::pair<std::string, std::string>>{
           {"libvirtd (enforce)\n", "libvirtd"},
           {"libvirtd (complain)\n", ""},
           {"unconfined\n", ""},
           {"system_u:system_r:virtd_t:s0", ""},
           {"/usr/sbin/libvirtd//&:lxd:a b (enforce)\n", "/usr/sbin/libvirtd//&:lxd:a b"}}) {
    root.write("/proc/self/attr/current", label);
    root.write("/proc/17/attr/current", "unconfined\n");
    CHECK(host::confinement(host) == profile);
    CHECK(host::confinement(host, "17") == "");
  }
}

TEST_CASE("check: SR-IOV, a physical function with virtual ones") {
  const World w(fakes::server);
  Guest guest = w.guest({"0000:03:00.0"});
  guest.devices[0].conf.allow_in_use = true;
  CHECK(w.findings("SR-IOV", guest) == Names{"error: 0000:03:00.0: it has virtual functions, which would "
                                             "disappear: 0000:03:02.0, 0000:03:02.1"});
  // One of them is given away without a word: neither its like nor the physical function are its card.
  CHECK(w.check(w.guest({"0000:03:02.1"})).empty());
}

TEST_CASE("check: driver") {
  const World w(fakes::workstation);
  Survey s = survey_devices(w.host, w.guest({"0000:02:00.0", "0000:02:00.1"}));
  s.has_vfio = false;
  s.kernel = "6.1.0-13-amd64";
  REQUIRE(check(s).size() == 1);
  CHECK(check(s)[0].message == "the kernel 6.1.0-13-amd64 has no vfio-pci driver");

  Guest guest = w.guest({"0000:02:00.0", "0000:02:00.1"});
  guest.devices[1].conf.detach = config::Detach::never;
  CHECK(w.findings("driver", guest)
            .at(0)
            .find("0000:02:00.1: it is on its host driver snd_hda_intel, and nothing") != std::string::npos);
  guest.devices[1].wanted.managed = true;
  CHECK(w.check(guest).empty());
}

TEST_CASE("check: warned of, not refused: last inputs, ROMs, siblings, reset bugs") {
  const World w(fakes::workstation);
  // The mouse is on .e alone; there is another keyboard.
  CHECK(w.findings("input", Names{"0000:0e:00.3"}) ==
        Names{"warning: the host's only mouse goes to the guest with the USB controller: Logitech Receiver "
              "Mouse"});
  CHECK(w.findings("input", Names{"0000:0b:00.3"}).empty());

  CHECK(w.findings("siblings", Names{"0000:01:00.0"}) ==
        Names{"warning: 0000:01:00.0: functions of the same card stay with the host: 0000:01:00.1 "
              "(snd_hda_intel)"});
  CHECK(w.findings("siblings", Names{"0000:02:00.0", "0000:02:00.1"}).empty());

  const auto reset = w.findings("reset", Names{"0000:01:00.0", "0000:01:00.1"});
  REQUIRE(reset.size() == 1);
  CHECK(reset[0].find("warning: 0000:01:00.0: ") == 0);
  CHECK(reset[0].find("Navi 10") != std::string::npos);
  // vendor-reset, loaded after the kernel has made its list of methods.
  Guest card = w.guest({"0000:01:00.0", "0000:01:00.1"});
  card.devices[0].conf.reset = config::Reset::device_specific;
  CHECK(w.findings("reset", card).size() == 1);
  w.root.write("/sys/module/vendor_reset/refcnt", "0\n");
  CHECK(w.findings("reset", card).empty());
  CHECK(w.findings("reset", Names{"0000:01:00.0", "0000:01:00.1"}).size() == 1);

  Guest guest = w.guest({"0000:02:00.0", "0000:02:00.1"});
  guest.rom_files = {"/srv/missing.rom"};
  CHECK(w.findings("rom", guest) == Names{"warning: the ROM file /srv/missing.rom does not exist"});
  CHECK(nothing_but(w.check(guest), {"rom"}));
}

TEST_CASE("check: refusals come before warnings") {
  const World w(fakes::desktop);
  Guest guest = w.guest({"0000:03:00.0"});
  guest.rom_files = {"/srv/missing.rom"};
  const auto found = w.check(guest);
  REQUIRE(found.size() == 2);
  CHECK(found[0].severity == Severity::error);
  CHECK(found[1].severity == Severity::warning);
}
