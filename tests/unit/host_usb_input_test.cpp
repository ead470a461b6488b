// The last keyboard, the last mouse, and ROM files.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "fakes/hosts.h"
#include "host/pci/rom.h"
#include "host/pci/usb_input.h"
#include "host/processes/child.h"

using namespace qh;
using Names = std::vector<std::string>;

namespace {

host::LastInputs last(const std::string& description, const std::vector<std::string>& addresses) {
  const fakes::TemporaryRoot root;
  fakes::write_host(root, description);
  std::vector<PciAddress> functions;
  for (const auto& a : addresses) functions.push_back(*parse_pci_address(a));
  return host::last_inputs(host::RealHost(root.path()), functions);
}

}  // namespace

TEST_CASE("the only keyboard and mouse on the controller that goes") {
  const auto inputs = last(fakes::desktop, {"0000:01:00.0", "0000:00:14.0"});
  CHECK(inputs.keyboards == Names{"Ann's Keyboard"});
  CHECK(inputs.mice == Names{"USB Optical Mouse"});
  const auto others = last(fakes::desktop, {"0000:01:00.0", "0000:01:00.2"});
  CHECK(others.keyboards.empty());
  CHECK(others.mice.empty());
}

TEST_CASE("a laptop keeps its own keyboard and touchpad") {
  const auto inputs = last(fakes::apu_laptop, {"0000:05:00.3", "0000:05:00.4"});
  CHECK(inputs.keyboards.empty());
  CHECK(inputs.mice.empty());
}

TEST_CASE("keyboards on two controllers: only both are the last") {
  CHECK(last(fakes::workstation, {"0000:0b:00.3"}).keyboards.empty());
  const auto one = last(fakes::workstation, {"0000:0e:00.3"});
  CHECK(one.keyboards.empty());
  CHECK(one.mice == Names{"Logitech Receiver Mouse"});
  CHECK(last(fakes::workstation, {"0000:0b:00.3", "0000:0e:00.3"}).keyboards ==
        Names{"Das Keyboard", "Logitech Receiver Keyboard"});
}

TEST_CASE("a host without any has none to lose; a touchpad points too; Bluetooth's stays") {
  CHECK(last(fakes::server, {"0000:04:00.0"}).keyboards.empty());
  const std::string usb =
      "pci 0000:00:14.0 8086:7ae0 1462:7d25 0c0330 xhci_hcd 5\n"
      "input 0000:00:14.0/usb1/1-3/1-3:1.0/0003:1.0001 Touch touchpad\n"
      "input 0000:00:14.0/usb1/1-4/1-4:1.0/0003:1.0002 Keys keyboard\n";
  CHECK(last(usb, {"0000:00:14.0"}).mice == Names{"Touch"});
  CHECK(last(usb, {"0000:00:14.0"}).keyboards == Names{"Keys"});
  CHECK(last(usb + "input virtual/misc/uhid/0005:1.0003 BT_Keys keyboard\n", {"0000:00:14.0"})
            .keyboards.empty());
  CHECK(last(usb + "input platform/PNP0C0C:00 Power_Button buttons\n", {"0000:00:14.0"}).keyboards ==
        Names{"Keys"});
}

namespace {

struct Roms {
  Roms() {
    root.write("/etc/passwd",
               "root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:64055:64056::/var/lib/libvirt:/bin/false\n");
    root.write("/etc/group", "root:x:0:\nkvm:x:64057:ann,libvirt-qemu\n");
    write("/var/lib/roms/card.rom", "\x55\xaa\x80 and so on");
  }
  void write(const std::string& path, const std::string& text, unsigned mode = 0644) {
    root.write(path, text);
    ::chmod((root.path() + path).c_str(), mode);
  }
  std::string problem(const std::string& path) const {
    return host::rom_problem(host::RealHost(root.path()), path).value_or("");
  }
  // With the tree as the host itself, for root: asks as QEMU's user, and not by the files' modes.
  std::string problem_on_host(const std::string& path) const {
    const auto found = host::run_in_child("chroot", Milliseconds{10'000}, [&]() -> Result<std::string> {
      if (::chroot(root.path().c_str()) < 0 || ::chdir("/") < 0) return fail(ErrorKind::failed, "no chroot");
      return host::rom_problem(host::RealHost(""), path).value_or("");
    });
    return found ? *found : found.error().message;
  }
  fakes::TemporaryRoot root;
};

}  // namespace

TEST_CASE("a good ROM file, and what makes others bad") {
  Roms r;
  CHECK(r.problem("/var/lib/roms/card.rom").empty());
  CHECK(r.problem("/nowhere.rom") == "the ROM file /nowhere.rom does not exist");
  CHECK(r.problem("/var/lib/roms") == "the ROM file /var/lib/roms is not a file");
  r.write("/empty.rom", "");
  CHECK(r.problem("/empty.rom") == "the ROM file /empty.rom is empty");
  r.write("/nvflash.rom", "NVGI");
  CHECK(r.problem("/nvflash.rom")
            .find("the ROM file /nvflash.rom does not begin with 55 AA (but with 4E 56)") == 0);
  REQUIRE(::mkfifo((r.root.path() + "/fifo.rom").c_str(), 0644) == 0);
  CHECK(r.problem("/fifo.rom") == "the ROM file /fifo.rom is not a file");
}

namespace {

void check_rights(bool on_host) {
  Roms r;
  ::chmod(r.root.path().c_str(), 0755);
  const auto problem = [&](const std::string& path) {
    return on_host ? r.problem_on_host(path) : r.problem(path);
  };
  CHECK(problem("/var/lib/roms/card.rom").empty());
  r.write("/private.rom", "\x55\xaa", 0600);
  CHECK(problem("/private.rom") ==
        "QEMU (user libvirt-qemu) cannot read the ROM file /private.rom: its mode does not allow it");
  r.write("/root/card.rom", "\x55\xaa");
  ::chmod((r.root.path() + "/root").c_str(), 0700);
  CHECK(problem("/root/card.rom") ==
        "QEMU (user libvirt-qemu) cannot read the ROM file /root/card.rom: the folder /root is closed to it");
  SUBCASE("as root it can") {
    r.root.write("/etc/libvirt/qemu.conf", "#user = \"libvirt-qemu\"\nuser = \"root\"\n");
    CHECK(problem("/root/card.rom").empty());
  }
  SUBCASE("nor as another that qemu.conf names, by name or number") {
    r.root.write("/etc/libvirt/qemu.conf", "user = \"+64055\"\n");
    CHECK(problem("/private.rom").find("QEMU (user 64055)") == 0);
    r.root.write("/etc/libvirt/qemu.conf", "  user='+0'\n");
    CHECK(problem("/private.rom").empty());
  }
  SUBCASE("as the owner it can") {
    const std::string self = std::to_string(::getuid() == 0 ? 64055 : ::getuid());
    if (::getuid() == 0) CHECK(::chown((r.root.path() + "/private.rom").c_str(), 64055, 0) == 0);
    r.root.write("/etc/passwd", "libvirt-qemu:x:" + self + ":64056::/:/bin/false\n");
    CHECK(problem("/private.rom").empty());
  }
  SUBCASE("nothing is said where no such user is known") {
    r.root.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    CHECK(problem("/private.rom").empty());
  }
}

}  // namespace

TEST_CASE("a ROM file that QEMU's user cannot read") {
  check_rights(false);
}

TEST_CASE("a ROM file that QEMU's user cannot read, with that user asked") {
  if (::getuid() == 0) check_rights(true);
}

TEST_CASE("a ROM file that QEMU's user can read through a group") {
  Roms r;
  r.write("/group.rom", "\x55\xaa", 0640);
  // Who is in a group, a copy is not asked.
  CHECK(r.problem("/group.rom").empty());
  if (::getuid() != 0) return;
  ::chmod(r.root.path().c_str(), 0755);
  CHECK_FALSE(r.problem_on_host("/group.rom").empty());
  CHECK(::chown((r.root.path() + "/group.rom").c_str(), 0, 64057) == 0);  // kvm, of which it is a member
  CHECK(r.problem_on_host("/group.rom").empty());
}
