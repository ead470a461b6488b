// `qemu-hook` by hand, through the binary.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "blackbox/program.h"
#include "blackbox/terminal.h"
#include "core/text.h"
#include "fakes/hosts.h"

using nlohmann::json;
using qh::blackbox::Program;

namespace {

const std::string nic_and_ghost =
    "<domain><name>win10</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><devices>"
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address bus='0x02'/></source></hostdev>"
    "<hostdev mode='subsystem' type='pci'><source><address "
    "bus='0x07'/></source></hostdev></devices></domain>";
const std::string nic =
    "<domain><name>win10</name><devices><hostdev mode='subsystem' type='pci'><source><address "
    "bus='0x02'/></source></hostdev></devices></domain>";

void add_hardware(Program& p) {
  p.kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
  p.kernel.add_driver("vfio-pci");
}

void add_display_manager(Program& p) {
  p.root.write("/run/systemd/system/.keep", "");
  p.root.write("/sys/fs/cgroup/system.slice/sddm.service/cgroup.procs", "700\n");
  p.root.write("/etc/systemd/system/.keep", "");
  std::filesystem::create_symlink("/usr/lib/systemd/system/sddm.service",
                                  p.root.path() + "/etc/systemd/system/display-manager.service");
}

}  // namespace

TEST_CASE("--version and --help") {
  Program p;
  // In a checkout with the commit.
  const std::regex version("qemu-hook [0-9]+\\.[0-9]+\\.[0-9]+( \\([^ ()]+\\))?\n");
  CHECK(std::regex_match(p.command({"--version"}).out, version));
  const auto help = p.command({"--help"});
  CHECK(help.status == 0);
  for (const char* word : {"--setup GUEST", "--detach GUEST", "--reattach GUEST", "--json", "--xml FILE"})
    CHECK(help.out.find(word) != std::string::npos);
}

TEST_CASE("a wrong call is exit 2 and says what is wrong") {
  Program p;
  for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                     {"win10"},
                                                                     {"--setup"},
                                                                     {"--setup", ""},
                                                                     {"--frobnicate"},
                                                                     {"--setup", "a", "--detach", "b"},
                                                                     {"--reattach", "a", "--xml", "b"},
                                                                     {"--check", "--xml", "b"},
                                                                     {"--version=3"}}) {
    const auto ran = p.command(arguments);
    CHECK(ran.status == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("qemu-hook: ") == 0);
    CHECK(ran.err.find("--help") != std::string::npos);
  }
}

TEST_CASE("--setup makes the conf, also for devices that are not there, and says what a start would do") {
  Program p;
  add_hardware(p);
  const auto ran = p.command({"--setup", "win10", "--xml", "-"}, nic_and_ghost);
  CHECK(ran.status == 0);
  CHECK(ran.out.find("added     0000:02:00.0, 0000:07:00.0") != std::string::npos);
  CHECK(ran.out.find("A start would be refused:") != std::string::npos);
  CHECK(p.root.read("/etc/libvirt/qemu-hook/guests/win10.toml").find("0000:07:00.0") != std::string::npos);
  const auto again = p.command({"--setup", "win10", "--xml", "-"}, nic_and_ghost);
  CHECK(again.out.find("nothing to change in") != std::string::npos);
  CHECK(again.out.find("kept      0000:02:00.0, 0000:07:00.0") != std::string::npos);
}

TEST_CASE("--setup --json is one object with the keys that are promised") {
  Program p;
  add_hardware(p);
  const auto ran = p.command({"--setup", "win10", "--xml", "-", "--json"}, nic_and_ghost);
  const auto object = json::parse(ran.out);
  CHECK(object["guest"] == "win10");
  CHECK(object["gpu"] == "none");
  REQUIRE(object["devices"].size() == 2);
  const auto& d = object["devices"][0];
  CHECK(d["address"] == "0000:02:00.0");
  CHECK(d["virsh"] == "pci_0000_02_00_0");
  CHECK(d["source"] == "hostdev");
  CHECK(d["managed"] == true);
  CHECK(d["present"] == true);
  CHECK(d["identity"] == "8086:10d3 8086:0000 020000");
  CHECK(d["driver"] == "e1000e");
  CHECK(d["iommu_group"] == "10");
  CHECK(object["devices"][1]["present"] == false);
  CHECK(object["ok"] == false);
  CHECK(object["findings"][0]["check"] == "present");
}

TEST_CASE("--setup asks libvirt, and without it reads libvirt's file") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", nic);
  CHECK(p.command({"--setup", "win10"}).status == 0);
  CHECK(p.root.exists("/etc/libvirt/qemu-hook/guests/win10.toml"));
  p.root.write("/libvirt-mode", "refuse-connect");
  p.root.write("/etc/libvirt/qemu/other.xml", "<!-- made by libvirt -->\n" + nic);
  const auto ran = p.command({"--setup", "other"});
  CHECK(ran.status == 0);
  CHECK(ran.err.find("warning: the XML describes the guest 'win10'") != std::string::npos);
  CHECK(p.root.exists("/etc/libvirt/qemu-hook/guests/other.toml"));
  CHECK(p.command({"--setup", "nobody"}).status == 1);
}

TEST_CASE("--xml takes a pipe, as a shell's <(...) is one, and waits for no writer") {
  Program p;
  add_hardware(p);
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);  // the command inherits it
  REQUIRE(::write(pipe[1], nic.data(), nic.size()) == static_cast<ssize_t>(nic.size()));
  ::close(pipe[1]);
  CHECK(p.command({"--check", "win10", "--xml", "/dev/fd/" + std::to_string(pipe[0])}).status == 0);
  ::close(pipe[0]);
  REQUIRE(::mkfifo((p.root.path() + "/fifo").c_str(), 0600) == 0);
  const auto empty = p.command({"--check", "win10", "--xml", p.root.path() + "/fifo"});
  CHECK(empty.ended);
  CHECK(empty.status == 1);
  CHECK(empty.err.find("it is empty") != std::string::npos);
}

TEST_CASE("--setup takes another card over, prepare refuses it") {
  Program p;
  add_hardware(p);
  p.command({"--setup", "win10", "--xml", "-"}, nic);
  p.root.write("/sys/bus/pci/devices/0000:02:00.0/modalias",
               qh::fakes::modalias("8086:1533 8086:0000 020000") + "\n");
  const auto refused = p.hook("win10", "prepare", "begin", nic);
  CHECK(refused.status == 1);
  CHECK(refused.err.find("0000:02:00.0: another card is at this address now: 8086:1533") !=
        std::string::npos);
  CHECK(p.command({"--setup", "win10", "--xml", "-"}, nic).out.find("accepted  0000:02:00.0") !=
        std::string::npos);
  CHECK(p.hook("win10", "prepare", "begin", nic).status == 0);
}

TEST_CASE("--detach and --reattach show each step with its time") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", nic);
  const std::string before = p.kernel.state();
  const auto detached = p.command({"--detach", "win10"});
  CHECK(detached.status == 0);
  CHECK(detached.out.find("unbind 0000:02:00.0 from e1000e (") != std::string::npos);
  CHECK(detached.out.find(" ms)") != std::string::npos);
  CHECK(p.kernel.driver("0000:02:00.0") == "vfio-pci");
  const auto reattached = p.command({"--reattach", "win10", "--json"});
  CHECK(reattached.status == 0);
  CHECK(json::parse(reattached.out)["ok"] == true);
  CHECK(p.kernel.state() == before);
  CHECK(p.command({"--reattach", "win10"}).out.find("nothing was left over") != std::string::npos);
  CHECK(p.command({"--reattach", "nobody"}).status == 1);
}

TEST_CASE("what is detached by hand for one guest is not taken by another") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", nic);
  CHECK(p.command({"--detach", "win10"}).status == 0);
  const auto other = p.hook("other", "prepare", "begin", nic);
  CHECK(other.status == 1);
  CHECK(other.err.find("has been detached by hand for the guest 'win10'") != std::string::npos);
  SUBCASE("but its own start takes it over, and the end gives it back") {
    CHECK(p.hook("win10", "prepare", "begin", nic).status == 0);
    CHECK(p.hook("win10", "release", "end", nic).status == 0);
    CHECK(p.kernel.driver("0000:02:00.0") == "e1000e");
  }
}

TEST_CASE("--check says what a start would do, and changes nothing") {
  Program p;
  add_hardware(p);
  const std::string before = p.files();
  const auto good = p.command({"--check", "win10", "--xml", "-"}, nic);
  CHECK(good.status == 0);
  CHECK(good.out.find("win10: a start would work") != std::string::npos);
  const auto bad = p.command({"--check", "win10", "--xml", "-"}, nic_and_ghost);
  CHECK(bad.status == 1);
  CHECK(bad.out.find("error: present: 0000:07:00.0: there is no such device on this host") !=
        std::string::npos);
  const auto object = json::parse(p.command({"--check", "win10", "--xml", "-", "--json"}, nic_and_ghost).out);
  CHECK(object["ok"] == false);
  CHECK(object["findings"][0]["check"] == "present");
  CHECK(object["findings"][0]["severity"] == "error");
  CHECK(object["findings"][0]["device"] == "0000:07:00.0");
  CHECK(p.files() == before);
}

TEST_CASE("what --check passes prepare does, and what it refuses prepare refuses with the same words") {
  for (const auto& xml : {nic, nic_and_ghost}) {
    Program p;
    add_hardware(p);
    p.command({"--setup", "win10", "--xml", "-"}, xml);
    const auto checked = json::parse(p.command({"--check", "win10", "--xml", "-", "--json"}, xml).out);
    const auto prepared = p.hook("win10", "prepare", "begin", xml);
    CHECK((prepared.status == 0) == checked["ok"].get<bool>());
    for (const auto& finding : checked["findings"])
      CHECK(prepared.err.find(finding["message"].get<std::string>()) != std::string::npos);
  }
}

TEST_CASE("whatever a host needs is refused by prepare in the words of --check, and nothing is touched") {
  struct Case {
    const char* host;
    const char* more;
    const char* check;
    std::vector<std::string> addresses;
  };
  for (const auto& c : std::vector<Case>{{qh::fakes::desktop, "", "storage", {"0x02:0"}},
                                         {qh::fakes::desktop, "", "network", {"0x03:0"}},
                                         {qh::fakes::desktop, "", "group", {"0x01:2", "0x01:3"}},
                                         {qh::fakes::workstation,
                                          "process 999 ffmpeg open=/dev/dri/card1",
                                          "holders",
                                          {"0x02:0", "0x02:1"}},
                                         {qh::fakes::server, "", "SR-IOV", {"0x03:0"}},
                                         {qh::fakes::vmd_board, "", "storage", {"0x00:0"}},
                                         {qh::fakes::desktop, "", "present", {"0x77:0"}}}) {
    CAPTURE(c.check);
    Program p;
    qh::fakes::write_host(p.root, std::string(c.host) + "\n" + c.more + "\n");
    std::string xml = "<domain><name>win10</name><devices>";
    for (const auto& a : c.addresses)
      xml += "<hostdev mode='subsystem' type='pci'><source><address bus='" + a.substr(0, 4) + "' slot='" +
             (c.host == qh::fakes::vmd_board ? "0x0e" : "0") + "' function='" + a.substr(5) +
             "'/></source></hostdev>";
    xml += "</devices></domain>";
    p.command({"--setup", "win10", "--xml", "-"}, xml);
    const std::string before = p.files();
    const auto checked = json::parse(p.command({"--check", "win10", "--xml", "-", "--json"}, xml).out);
    CHECK(checked["ok"] == false);
    const auto prepared = p.hook("win10", "prepare", "begin", xml);
    CHECK(prepared.status == 1);
    bool found = false;
    for (const auto& f : checked["findings"]) {
      if (f["severity"] != "error") continue;
      found = found || f["check"] == c.check;
      CHECK(prepared.err.find(f["message"].get<std::string>()) != std::string::npos);
    }
    CHECK(found);
    CHECK(p.files() == before);
  }
}

TEST_CASE("a source address of zeros is the device that has it, on a PC a bridge") {
  Program p;
  p.kernel.add_device({"0000:00:00.0", "8086:29c0 1af4:1100", "060000", "", "0"});
  p.kernel.add_driver("vfio-pci");
  const std::string xml =
      "<domain><name>win10</name><devices><hostdev mode='subsystem' type='pci'><source><address "
      "domain='0x0000' bus='0x00' slot='0x00' function='0x0'/></source></hostdev></devices></domain>";
  const std::string reason = "0000:00:00.0: it is a bridge, which cannot be given to a guest";
  CHECK(p.command({"--check", "win10", "--xml", "-"}, xml).out.find("error: present: " + reason) !=
        std::string::npos);
  const auto refused = p.hook("win10", "prepare", "begin", xml);
  CHECK(refused.status == 1);
  CHECK(refused.err.find(reason) != std::string::npos);
}

TEST_CASE("--check of the host: what is missing, and the line that repairs it") {
  Program p;
  p.kernel.add_driver("vfio-pci");
  p.root.write("/sys/class/iommu/dmar0/x", "");
  const auto missing = json::parse(p.command({"--check", "--json"}).out);
  CHECK(missing["ok"] == false);
  REQUIRE(missing["findings"].size() == 1);
  CHECK(missing["findings"][0]["check"] == "hook");
  CHECK(missing["findings"][0]["remedy"] == "run install/install.sh");

  p.root.write("/etc/libvirt/hooks/qemu", "stands for it: qemu-hook journal 1");
  const auto not_executable = p.command({"--check"});
  CHECK(not_executable.status == 1);
  CHECK(not_executable.out.find("does not lead to an executable file") != std::string::npos);
}

TEST_CASE("--check of the host: the program itself in hooks/ is found, and what confines it") {
  Program p;
  p.kernel.add_driver("vfio-pci");
  p.root.write("/sys/class/iommu/dmar0/x", "");
  p.root.write("/sys/module/apparmor/parameters/enabled", "Y\n");
  p.root.write("/run/libvirtd.pid", "812\n");
  p.root.write("/proc/812/stat", "812 (libvirtd) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
  p.root.write("/proc/812/comm", "libvirtd\n");
  p.root.write("/proc/812/attr/current", "libvirtd (enforce)\n");
  p.root.write("/etc/libvirt/hooks/qemu", "stands for it: qemu-hook journal 1");
  const auto file = p.root.path() + "/etc/libvirt/hooks/qemu";
  REQUIRE(::chmod(file.c_str(), 0755) == 0);
  const auto finding = [&] {
    const auto told = json::parse(p.command({"--check", "--json"}).out);
    for (const auto& f : told["findings"])
      if (f["check"] == "apparmor") return f["message"].get<std::string>();
    return std::string();
  };
  CHECK(finding().find("not a link to it, so AppArmor confines it with the profile libvirtd.") !=
        std::string::npos);
  p.root.write("/proc/812/attr/current", "libvirtd (complain)\n");
  CHECK(finding() == "");
  p.root.write("/run/libvirtd.pid", "");
  CHECK(finding().find("libvirt's own profile") != std::string::npos);
  // A link to where AppArmor lets libvirt execute it.
  REQUIRE(::unlink(file.c_str()) == 0);
  p.root.write("/usr/sbin/qemu-hook", "qemu-hook journal 1");
  REQUIRE(::symlink("/usr/sbin/qemu-hook", file.c_str()) == 0);
  CHECK(finding() == "");
}

TEST_CASE("--check of the host: SELinux, and a program without the label of qemu-hook's module") {
  Program p;
  const auto label = [&](const std::string& file, const std::string& type) {
    const std::string text = "system_u:object_r:" + type + ":s0";
    return ::setxattr((p.root.path() + file).c_str(), "security.selinux", text.c_str(), text.size() + 1, 0) ==
           0;
  };
  const std::string program = "/usr/sbin/qemu-hook";
  p.root.write(program, "qemu-hook journal 1");
  p.root.write("/usr/sbin/virtqemud", "");
  if (!label(program, "bin_t")) return;  // takes root, and a file system that has labels
  p.root.write("/sys/fs/selinux/enforce", "1");
  p.root.write("/etc/libvirt/hooks/none", "");
  REQUIRE(::symlink(program.c_str(), (p.root.path() + "/etc/libvirt/hooks/qemu").c_str()) == 0);
  const auto finding = [&] {
    const auto told = json::parse(p.command({"--check", "--json"}).out);
    for (const auto& f : told["findings"])
      if (f["check"] == "selinux")
        return f["message"].get<std::string>() + "; " + f["remedy"].get<std::string>();
    return std::string();
  };
  // A policy that does not confine virtqemud.
  CHECK(finding() == "");
  REQUIRE(label("/usr/sbin/virtqemud", "virtqemud_exec_t"));
  CHECK(finding().find(program + " has the SELinux type bin_t, not qemu_hook_exec_t") == 0);
  CHECK(finding().find("`semodule -i /usr/share/qemu-hook/qemu_hook.cil && restorecon -v " + program + "`") !=
        std::string::npos);
  // libvirtd is not confined.
  p.root.write("/run/libvirtd.pid", "812\n");
  p.root.write("/proc/812/stat", "812 (libvirtd) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
  p.root.write("/proc/812/comm", "libvirtd\n");
  p.root.write("/proc/812/attr/current", "system_u:system_r:virtd_t:s0-s0:c0.c1023");
  CHECK(finding() == "");
  p.root.write("/proc/812/attr/current", "system_u:system_r:virtqemud_t:s0-s0:c0.c1023");
  CHECK(finding() != "");
  p.root.write("/run/libvirtd.pid", "");
  CHECK(finding() != "");
  p.root.write("/sys/fs/selinux/enforce", "0");
  CHECK(finding() == "");
  p.root.write("/sys/fs/selinux/enforce", "1");
  REQUIRE(label(program, "qemu_hook_exec_t"));
  CHECK(finding() == "");
}

TEST_CASE("--plan shows the steps with their reasons, and changes nothing") {
  Program p;
  add_hardware(p);
  const std::string before = p.files(), state = p.kernel.state();
  const auto ran = p.command({"--plan", "win10", "--xml", "-"}, nic);
  CHECK(ran.status == 0);
  CHECK(ran.out.find("1. unbind 0000:02:00.0 from e1000e\n      the host uses it with e1000e\n") !=
        std::string::npos);
  CHECK(ran.out.find("the host uses it with e1000e") != std::string::npos);
  CHECK(ran.out.find("1. reattach 0000:02:00.0 to e1000e") != std::string::npos);
  const auto object = json::parse(p.command({"--plan", "win10", "--xml", "-", "--json"}, nic).out);
  CHECK(object["prepare"].size() == 2);
  CHECK(object["release"].size() == 1);
  CHECK(p.files() == before);
  CHECK(p.kernel.state() == state);
}

TEST_CASE("--plan says what --check says, also of the desktop") {
  Program p;
  // Xorg is of no session here, so it would not end with the desktop.
  qh::fakes::write_host(p.root, qh::fakes::workstation);
  add_display_manager(p);
  const std::string xml =
      "<domain><name>win10</name><devices><hostdev mode='subsystem' type='pci'><source><address "
      "bus='0x01'/></source></hostdev></devices></domain>";
  const auto check = json::parse(p.command({"--check", "win10", "--xml", "-", "--json"}, xml).out);
  CHECK(check["findings"].dump().find("does not end with the desktop") != std::string::npos);
  const auto ran = p.command({"--plan", "win10", "--xml", "-", "--json"}, xml);
  CHECK(ran.status == 1);
  const auto plan = json::parse(ran.out);
  CHECK(plan["findings"] == check["findings"]);
  CHECK(plan["ok"] == false);
  const auto text = p.command({"--plan", "win10", "--xml", "-"}, xml);
  CHECK(text.out.find("win10: a start would be refused\n") == 0);
}

TEST_CASE("--status: a conf without `guest` is the guest's of its file's name") {
  Program p;
  p.root.write("/etc/libvirt/qemu-hook/guests/a%20b.toml", "[[device]]\naddress = \"0000:02:00.0\"\n");
  const auto object = json::parse(p.command({"--status", "--json"}).out);
  REQUIRE(object["devices"].size() == 1);
  CHECK(object["devices"][0]["guests"] == json::array({"a b"}));
}

TEST_CASE("host.toml's `connect` is for commands by hand too") {
  Program p;
  add_hardware(p);
  p.root.write("/libvirt-mode", "hang-connect");
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "[deadlines]\nconnect = 0.2\n");
  p.root.write("/etc/libvirt/qemu/win10.xml", nic);
  const auto ran = p.command({"--check", "win10"});
  CHECK(ran.status == 0);
  CHECK(ran.err.find("connecting to libvirt: not finished after 0.2 s; read ") != std::string::npos);
}

TEST_CASE("on a terminal --detach and --reattach show what they wait for, and how much time is left") {
  Program p;
  add_hardware(p);
  p.root.write("/libvirt-mode", "hang-connect");
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "[deadlines]\nconnect = 1.5\nwhole = 60\n");
  p.root.write("/etc/libvirt/qemu/win10.xml", nic);
  int status = -1;
  const auto shown = qh::blackbox::on_terminal(p, {"--detach", "win10"}, "", status);
  CHECK(status == 0);
  const std::regex wait("\r\033\\[K  detach 0000:02:00.0 \\(pci_0000_02_00_0\\) \\.\\.\\. 3[0-9] s left");
  CHECK_MESSAGE(std::regex_search(shown, wait), shown);
  CHECK(shown.find("\r\033[K  warning: 0000:02:00.0: connecting to libvirt") != std::string::npos);
  CHECK(shown.find("\n  detach 0000:02:00.0 (pci_0000_02_00_0) (") != std::string::npos);
  // Nothing of that where nobody looks.
  const auto ran = p.command({"--reattach", "win10"});
  CHECK(ran.status == 0);
  CHECK(ran.out.find('\r') == std::string::npos);
}

TEST_CASE("--json is one object however the command ends") {
  const std::vector<std::vector<std::string>> commands{{"--setup", "win10"},
                                                       {"--setup", "win10", "--dry-run"},
                                                       {"--setup", "win10", "--add", "02:00.0"},
                                                       {"--setup", "--all"},
                                                       {"--check", "win10"},
                                                       {"--check"},
                                                       {"--plan", "win10"},
                                                       {"--status"},
                                                       {"--detach", "win10"},
                                                       {"--reattach", "win10"},
                                                       {"--query", "all", "win10"},
                                                       {"--query", "all"},
                                                       {"--query", "help"},
                                                       {"--prune", "--dry-run"},
                                                       {"--version"},
                                                       {"--help"}};
  const char* trouble = "";
  SUBCASE("no such guest") {
    trouble = "guest";
  }
  SUBCASE("a broken host.toml") {
    trouble = "host.toml";
  }
  SUBCASE("a broken conf") {
    trouble = "conf";
  }
  SUBCASE("broken XML") {
    trouble = "xml";
  }
  SUBCASE("no root") {
    trouble = "root";
  }
  SUBCASE("no libvirt") {
    trouble = "libvirt";
  }
  const std::string kind = trouble;
  for (const auto& command : commands) {
    CAPTURE(qh::join(command, " "));
    Program p;
    add_hardware(p);
    if (kind != "guest") p.root.write("/domains/win10", kind == "xml" ? "<domain><name>" : nic);
    if (kind == "host.toml") p.root.write("/etc/libvirt/qemu-hook/host.toml", "backend = \n");
    if (kind == "conf") p.root.write("/etc/libvirt/qemu-hook/guests/win10.toml", "guest = \n");
    if (kind == "libvirt") p.root.write("/libvirt-mode", "refuse-connect");
    auto arguments = command;
    arguments.push_back("--json");
    const auto ran = p.run("qemu-hook", {.arguments = arguments, .user = kind == "root" ? 65534U : 0U});
    CHECK((ran.status == 0 || ran.status == 1));
    const auto object = json::parse(ran.out, nullptr, false);
    REQUIRE(object.is_object());
    if (ran.status == 0) CHECK_FALSE(object.contains("error"));
    // What was refused by the checks is in their findings, what failed for some of all guests in `failed`.
    if (ran.status == 1 && !object.contains("findings") && !object.contains("failed")) {
      CHECK_FALSE(object["error"]["message"].get<std::string>().empty());
      CHECK(object["error"]["remedy"].is_string());
      CHECK(ran.err.find("qemu-hook: ") != std::string::npos);
    }
  }
}

TEST_CASE("--json is one object for a wrong call too") {
  Program p;
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"--json"},
                                             {"--frobnicate", "--json"},
                                             {"--setup", "--json"},
                                             {"--plan", "--json"},
                                             {"--status", "win10", "--json"},
                                             {"--completion", "bash", "--json"},
                                             {"--check", "--xml", "b", "--json"},
                                             {"--query", "nonsense", "--json"},
                                             {"--query", "--json"},
                                             {"--setup", "a", "--json", "--plan", "b"}}) {
    CAPTURE(qh::join(arguments, " "));
    const auto ran = p.command(arguments);
    CHECK(ran.status == 2);
    const auto object = json::parse(ran.out, nullptr, false);
    REQUIRE(object.is_object());
    CHECK_FALSE(object["error"]["message"].get<std::string>().empty());
    CHECK(ran.err.find("qemu-hook: ") == 0);
  }
}

TEST_CASE("--status shows displays and guests' devices, who has them, and since when") {
  Program p;
  add_hardware(p);
  p.kernel.add_device({"0000:01:00.0", "10de:2484 1462:3909", "030000", "nvidia", "9"});
  CHECK(p.command({"--status"}).out.find("0000:01:00.0  nvidia") != std::string::npos);
  CHECK(p.command({"--status"}).out.find("0000:02:00.0") == std::string::npos);
  p.root.write("/domains/win10", nic);
  REQUIRE(p.command({"--detach", "win10"}).status == 0);
  const auto text = p.command({"--status"}).out;
  CHECK(text.find("win10, by hand since ") != std::string::npos);
  CHECK(text.find("\x1b") == std::string::npos);
  CHECK(text.find("0000:01:00.0") < text.find("0000:02:00.0"));
  const auto object = json::parse(p.command({"--status", "--json"}).out);
  REQUIRE(object["devices"].size() == 2);
  CHECK(object["devices"][1]["driver"] == "vfio-pci");
  CHECK(object["devices"][1]["guests"] == json::array({"win10"}));
  CHECK(object["devices"][1]["claim"]["guest"] == "win10");
}

TEST_CASE("the card with the console: --plan, --check and --setup say what happens to the desktop") {
  Program p;
  p.kernel.add_device({"0000:01:00.0", "1002:73bf 1da2:e439", "030000", "amdgpu", "9"});
  p.kernel.add_driver("vfio-pci");
  p.kernel.add_console("vtcon1", "(M) frame buffer device", true);
  p.root.write("/sys/bus/pci/devices/0000:01:00.0/boot_vga", "1\n");
  add_display_manager(p);
  const std::string xml =
      "<domain><name>win10</name><devices><hostdev mode='subsystem' type='pci'><source><address "
      "bus='0x01'/></source></hostdev></devices></domain>";
  const auto plan = p.command({"--plan", "win10", "--xml", "-"}, xml);
  CHECK(plan.status == 0);
  std::size_t from = 0;
  for (const char* step :
       {"keep the host from sleeping", "stop the display manager sddm.service", "end the sessions",
        "wait until no program holds", "unbind the text console vtcon1", "unbind 0000:01:00.0 from amdgpu",
        "detach 0000:01:00.0", "at its end:", "reattach 0000:01:00.0 to amdgpu",
        "bind the text console vtcon1", "start sddm.service, once the card has its DRM node",
        "let the host sleep again"}) {
    CAPTURE(step);
    const auto at = plan.out.find(step, from);
    REQUIRE(at != std::string::npos);
    from = at;
  }
  const auto check = p.command({"--check", "win10", "--xml", "-"}, xml);
  CHECK(check.out.find("0000:01:00.0 carries the host's console: the firmware showed") != std::string::npos);
  const auto setup = p.command({"--setup", "win10", "--xml", "-"}, xml);
  CHECK(setup.out.find("GPU: primary") != std::string::npos);
  CHECK(setup.out.find("When it starts, sddm.service ends, and everything open on the screen, unsaved.") !=
        std::string::npos);
}
