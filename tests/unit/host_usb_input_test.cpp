// The last keyboard, the last mouse, and ROM files.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "fakes/hosts.h"
#include "host/pci/rom.h"
#include "host/pci/usb_input.h"

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

TEST_CASE("a ROM file that QEMU's user cannot read") {
  Roms r;
  r.write("/private.rom", "\x55\xaa", 0600);
  CHECK(r.problem("/private.rom") ==
        "QEMU (user libvirt-qemu) cannot read the ROM file /private.rom: its mode does not allow it");
  r.write("/root/card.rom", "\x55\xaa");
  ::chmod((r.root.path() + "/root").c_str(), 0700);
  CHECK(r.problem("/root/card.rom") ==
        "QEMU (user libvirt-qemu) cannot read the ROM file /root/card.rom: the folder /root is closed to it");
  SUBCASE("as root it can") {
    r.root.write("/etc/libvirt/qemu.conf", "#user = \"libvirt-qemu\"\nuser = \"root\"\n");
    CHECK(r.problem("/root/card.rom").empty());
  }
  SUBCASE("nor as another that qemu.conf names, by name or number") {
    r.root.write("/etc/libvirt/qemu.conf", "user = \"+64055\"\n");
    CHECK(r.problem("/private.rom").find("QEMU (user 64055)") == 0);
    r.root.write("/etc/libvirt/qemu.conf", "  user='+0'\n");
    CHECK(r.problem("/private.rom").empty());
  }
  SUBCASE("as the owner it can, and through a group") {
    const std::string self = std::to_string(::getuid() == 0 ? 64055 : ::getuid());
    if (::getuid() == 0) CHECK(::chown((r.root.path() + "/private.rom").c_str(), 64055, 0) == 0);
    r.root.write("/etc/passwd", "libvirt-qemu:x:" + self + ":64056::/:/bin/false\n");
    CHECK(r.problem("/private.rom").empty());
    if (::getuid() != 0) return;
    r.write("/group.rom", "\x55\xaa", 0640);
    CHECK_FALSE(r.problem("/group.rom").empty());
    CHECK(::chown((r.root.path() + "/group.rom").c_str(), 0, 64057) == 0);  // kvm, of which it is a member
    CHECK(r.problem("/group.rom").empty());
  }
  SUBCASE("nothing is said where no such user is known") {
    r.root.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    CHECK(r.problem("/private.rom").empty());
  }
}
