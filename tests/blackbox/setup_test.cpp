// `qemu-hook --setup` with what it adds to and removes from libvirt's guests, and --prune, through the
// binary.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "blackbox/program.h"
#include "blackbox/terminal.h"

using nlohmann::json;
using qh::blackbox::on_terminal;
using qh::blackbox::Program;

namespace {

std::string empty_domain(const std::string& name) {
  return "<domain><name>" + name + "</name><devices></devices></domain>";
}

// A card of three functions, a network card with the default route, a disk.
void add_hardware(Program& p) {
  p.kernel.add_device({"0000:01:00.0", "1234:1111 1af4:1100", "038000", "bochs-drm", "9"});
  p.kernel.add_device({"0000:01:00.1", "8086:2668 1af4:1100", "040300", "snd_hda_intel", "9"});
  p.kernel.add_device({"0000:01:00.2", "1b36:000d 1af4:1100", "0c0330", "xhci_hcd", "9"});
  p.kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
  p.kernel.add_driver("vfio-pci");
  p.root.write("/sys/bus/pci/devices/0000:02:00.0/net/enp2s0/operstate", "up\n");
  std::filesystem::create_directories(p.root.path() + "/sys/class/net");
  std::filesystem::create_directory_symlink("../../bus/pci/devices/0000:02:00.0/net/enp2s0",
                                            p.root.path() + "/sys/class/net/enp2s0");
  p.root.write("/proc/net/route",
               "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
               "enp2s0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n");
}

std::string conf_of(const Program& p, const std::string& guest) {
  return p.root.read("/etc/libvirt/qemu-hook/guests/" + guest + ".toml");
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("--add puts devices into libvirt's guest and its conf, --remove takes them out") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", empty_domain("win10"));
  const auto added =
      p.command({"--setup", "win10", "--add", "01:00.0", "pci_0000_01_00_1", "--add", "0000:01.00.2"});
  CHECK(added.status == 0);
  CHECK_MESSAGE(has(added.out, "added     0000:01:00.0, 0000:01:00.1, 0000:01:00.2"),
                (added.out + added.err));
  CHECK(has(added.out, "A start would work."));
  const auto xml = p.root.read("/domains/win10");
  CHECK(has(xml, "<hostdev mode='subsystem' type='pci' managed='yes'>"));
  CHECK(has(xml, "<address domain='0x0000' bus='0x01' slot='0x00' function='0x2'/>"));
  CHECK(has(p.root.read("/libvirt-calls"), "attach win10 2\n"));  // VIR_DOMAIN_AFFECT_CONFIG

  const auto again = p.command({"--setup", "win10", "--add", "01:00.0"});
  CHECK(again.status == 0);
  CHECK(p.root.read("/domains/win10") == xml);

  const auto removed = p.command({"--setup", "win10", "--remove", "01:00.1", "01:00.2"});
  CHECK(removed.status == 0);
  CHECK(has(removed.out, "dropped   0000:01:00.1, 0000:01:00.2"));
  CHECK_FALSE(has(conf_of(p, "win10"), "0000:01:00.1"));
  CHECK_FALSE(has(p.root.read("/domains/win10"), "function='0x1'"));
}

TEST_CASE("--dry-run prints the elements, and changes nothing") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", empty_domain("win10"));
  const std::string before = p.files();
  const auto ran = p.command({"--setup", "win10", "--dry-run", "--add", "01:00.1"});
  CHECK(ran.status == 0);
  CHECK(ran.out ==
        "<!-- to be added: -->\n<hostdev mode='subsystem' type='pci' managed='yes'>\n  <source>\n"
        "    <address domain='0x0000' bus='0x01' slot='0x00' function='0x1'/>\n  </source>\n</hostdev>\n");
  CHECK(has(p.command({"--setup", "win10", "--dry-run"}).out, "win10: would write "));
  CHECK(p.files() == before);
}

TEST_CASE("what fails half-way is undone, and says so") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", empty_domain("win10"));
  const std::string before = p.root.read("/domains/win10");
  SUBCASE("the second device") {
    p.root.write("/libvirt-mode", "fail-attach-2");
    const auto ran = p.command({"--setup", "win10", "--add", "01:00.0", "01:00.1"});
    CHECK(ran.status == 1);
    CHECK(has(ran.err,
              "0000:01:00.1: libvirt does not add the device to 'win10': no such luck; nothing was changed"));
  }
  SUBCASE("the conf") {
    p.root.write("/etc/libvirt/qemu-hook/guests/win10.toml", "guest = \n");
    const auto ran = p.command({"--setup", "win10", "--add", "01:00.0"});
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "win10.toml:1:"));
    CHECK(has(ran.err, "the guest is as it was"));
  }
  SUBCASE("the host needs it") {
    const auto ran = p.command({"--setup", "win10", "--add", "01:00.0", "02:00.0"});
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "0000:02:00.0: the host's network needs it: enp2s0 carries the default route"));
  }
  SUBCASE("there is none") {
    CHECK(has(p.command({"--setup", "win10", "--add", "01:00.0", "07:00.0"}).err,
              "0000:07:00.0: there is no such device on this host"));
  }
  SUBCASE("not the guest's") {
    CHECK(has(p.command({"--setup", "win10", "--add", "01:00.0", "--remove", "01:00.1"}).err,
              "0000:01:00.1: it is not a device of 'win10'"));
  }
  SUBCASE("no address") {
    const auto ran = p.command({"--setup", "win10", "--add", "01-00-0"});
    CHECK(ran.status != 0);
    CHECK(has(ran.err, "is not a PCI address"));
  }
  CHECK(p.root.read("/domains/win10") == before);
  CHECK_FALSE(has(conf_of(p, "win10"), "address"));
}

TEST_CASE("an undo that fails names what is left to do") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", empty_domain("win10"));
  p.root.write("/libvirt-mode", "fail-attach-2,fail-define");
  const auto ran = p.command({"--setup", "win10", "--add", "01:00.0", "01:00.1"});
  CHECK(ran.status == 1);
  CHECK(has(ran.err, "the guest could not be restored"));
}

TEST_CASE("the picker: the cards of this host, numbered, and what must stay") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", empty_domain("win10"));
  int status = 0;
  const auto shown = on_terminal(p, {"--setup", "win10"}, "2\n7\n1\n", status);
  CHECK(status == 0);
  CHECK_MESSAGE(has(shown, "   1  0000:01:00.0  bochs-drm      group 9"), shown);
  CHECK(has(shown, "   -  0000:02:00.0  e1000e         group 10"));
  CHECK(has(shown, "must stay: 0000:02:00.0: the host's network needs it"));
  CHECK(has(shown, "0000:02:00.0 must stay with the host."));
  CHECK(has(shown, "'7' is not one of the numbers."));
  CHECK(has(shown, "added     0000:01:00.0, 0000:01:00.1, 0000:01:00.2"));
  CHECK(has(conf_of(p, "win10"), "0000:01:00.2"));
  SUBCASE("a guest that has devices is not asked") {
    CHECK_FALSE(has(on_terminal(p, {"--setup", "win10"}, "", status), "Numbers"));
  }
}

TEST_CASE("the picker: nothing chosen changes nothing") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", empty_domain("win10"));
  int status = 0;
  CHECK(has(on_terminal(p, {"--setup", "win10"}, "\n", status), "Numbers"));
  CHECK(status == 0);
  CHECK(p.root.read("/domains/win10") == empty_domain("win10"));
}

TEST_CASE("--setup --all: every guest with devices of this host, and one bad one stops no other") {
  Program p;
  add_hardware(p);
  for (const char* name : {"a", "b", "plain"})
    p.root.write(std::string("/domains/") + name, empty_domain(name));
  REQUIRE(p.command({"--setup", "a", "--add", "01:00.0", "01:00.1", "01:00.2"}).status == 0);
  REQUIRE(p.command({"--setup", "b", "--add", "01:00.1"}).status == 0);
  p.root.write("/etc/libvirt/qemu-hook/guests/a.toml", "");
  const auto ran = p.command({"--setup", "--all"});
  CHECK(ran.status == 0);
  CHECK_MESSAGE(has(ran.out, "  a      written    3        would work\n"), (ran.out + ran.err));
  CHECK(has(ran.out, "  b      unchanged  1        would be refused: group\n"));
  CHECK(has(ran.out, "2 guests with devices of this host, 1 without\n"));
  p.root.write("/etc/libvirt/qemu-hook/guests/a.toml", "gpu = 7\n");
  const auto bad = p.command({"--setup", "--all", "--json"});
  CHECK(bad.status == 1);
  const auto object = json::parse(bad.out);
  CHECK(object["ok"] == false);
  CHECK(object["failed"][0]["guest"] == "a");
  CHECK(object["guests"][0]["guest"] == "b");
  CHECK_FALSE(p.root.exists("/etc/libvirt/qemu-hook/guests/plain.toml"));
}

TEST_CASE("host.toml: defaults for every guest without a conf, and no confs where none are wanted") {
  Program p;
  add_hardware(p);
  p.root.write("/etc/libvirt/qemu-hook/host.toml",
               "write_confs = false\n[defaults]\ngpu = \"none\"\ndetach = \"never\"\nallow_in_use = true\n");
  p.root.write("/domains/x", empty_domain("x"));
  const auto added = p.command({"--setup", "x", "--add", "02:00.0"});  // allowed now
  CHECK(added.status == 0);
  CHECK_MESSAGE(has(added.out, "not written, since host.toml says write_confs = false"),
                (added.out + added.err));
  const auto xml = p.root.read("/domains/x");
  CHECK(p.hook("x", "prepare", "begin", xml).status == 0);
  CHECK(p.kernel.driver("0000:02:00.0") == "e1000e");  // detach = "never"
  CHECK_FALSE(p.root.exists("/etc/libvirt/qemu-hook/guests/x.toml"));
  SUBCASE("a conf that is there has the last word") {
    p.root.write("/etc/libvirt/qemu-hook/guests/x.toml",
                 "[[device]]\naddress = \"0000:02:00.0\"\ndetach = \"always\"\n");
    CHECK(p.hook("x", "prepare", "begin", xml).status == 0);
    CHECK(p.kernel.driver("0000:02:00.0") == "vfio-pci");
    CHECK(conf_of(p, "x") == "[[device]]\naddress = \"0000:02:00.0\"\ndetach = \"always\"\n");
  }
}

TEST_CASE("--prune removes the confs of guests that libvirt no longer knows, and keeps backups") {
  Program p;
  add_hardware(p);
  for (const char* name : {"kept", "gone"}) {
    p.root.write(std::string("/domains/") + name, empty_domain(name));
    REQUIRE(p.command({"--setup", name}).status == 0);
  }
  const std::string text = conf_of(p, "gone");
  (void)::unlink((p.root.path() + "/domains/gone").c_str());
  const std::string backup = "/etc/libvirt/qemu-hook/guests/gone.toml.pruned";
  SUBCASE("--dry-run only says so") {
    CHECK(has(p.command({"--prune", "--dry-run"}).out, "gone"));
    CHECK(conf_of(p, "gone") == text);
  }
  SUBCASE("without a terminal") {
    const auto object = json::parse(p.command({"--prune", "--json"}).out);
    CHECK(object["pruned"].size() == 1);
    CHECK(object["pruned"][0]["guest"] == "gone");
    CHECK(conf_of(p, "gone").empty());
    CHECK(p.root.read(backup) == text);
    CHECK_FALSE(conf_of(p, "kept").empty());
    p.root.write("/etc/libvirt/qemu-hook/guests/gone.toml", "guest = \"gone\"\n");
    CHECK(p.command({"--prune"}).status == 0);
    CHECK(p.root.read(backup) == text);
    CHECK(p.root.read(backup + ".1") == "guest = \"gone\"\n");
  }
  SUBCASE("on a terminal it asks first") {
    int status = 0;
    CHECK(has(on_terminal(p, {"--prune"}, "n\n", status),
              "Remove these confs and keep a backup of each? [y/N]"));
    CHECK(status == 1);
    CHECK(conf_of(p, "gone") == text);
    on_terminal(p, {"--prune"}, "y\n", status);
    CHECK(status == 0);
    CHECK(p.root.read(backup) == text);
  }
  SUBCASE("not on the word of a daemon that does not answer") {
    p.root.write("/libvirt-mode", "refuse-connect");
    CHECK(p.command({"--prune"}).status == 1);
    CHECK(conf_of(p, "gone") == text);
  }
}
