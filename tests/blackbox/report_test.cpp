// `qemu-hook --report`, through the binary: a report is made over one tree, unpacked, and asked elsewhere.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "blackbox/program.h"
#include "fakes/hosts.h"

namespace fs = std::filesystem;
using nlohmann::json;
using qh::blackbox::Program;
using qh::fakes::TemporaryRoot;

namespace {

// A guest with the graphics card, whose definition and host have one secret of each kind.
const std::vector<std::string> secrets{"Tr0ub4dor", "52:54:00:6b:3c:58", "5254006b3c58", "S4EVNX0M123456",
                                       "wilma",     "Wilma Smith",       "tower",        "tower.example.org",
                                       "hunter2"};
const std::string win10 = R"(<domain type='kvm'>
  <name>win10</name>
  <uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>
  <devices>
    <disk type='file' device='disk'>
      <source file='/home/wilma/win10.qcow2'/><target dev='vda'/><serial>S4EVNX0M123456</serial>
    </disk>
    <interface type='network'><mac address='52:54:00:6b:3c:58'/></interface>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>
      <rom file='/home/wilma/gpu.rom'/>
    </hostdev>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x1'/></source>
    </hostdev>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x04' slot='0x00' function='0x0'/></source>
    </hostdev>
    <graphics type='vnc' port='-1' passwd='Tr0ub4dor'/>
  </devices>
</domain>
)";

void add_hardware(Program& p) {
  qh::fakes::write_host(p.root,
                        std::string(qh::fakes::desktop) +
                            "process 1700 dd open=/dev/nvme1n1\nprocess 1701 hexedit map=/dev/nvme1n1p1\n");
  p.root.write("/domains/win10", win10);
  p.root.write("/etc/passwd",
               "root:x:0:0:root:/root:/bin/bash\nwilma:x:1000:1000:Wilma Smith,,,:/home/wilma:/bin/bash\n"
               "libvirt-qemu:x:64055:109:Libvirt Qemu,,,:/var/lib/libvirt:/usr/sbin/nologin\n");
  p.root.write("/proc/sys/kernel/hostname", "tower.example.org\n");
  p.root.write("/home/wilma/gpu.rom", "MZ and the rest of it");
  p.root.write("/run/systemd/sessions/2", "UID=1000\nUSER=wilma\nSEAT=seat0\nACTIVE=1\nREMOTE_HOST=tower\n");
  p.root.write("/proc/1201/cgroup", "0::/user.slice/user-1000.slice/session-2.scope\n");
  using namespace std::string_literals;
  p.root.write("/proc/1201/environ", "TOKEN=hunter2\0KWIN_DRM_DEVICES=/dev/dri/card1\0HOME=/home/wilma\0"s);
  p.root.write("/proc/1600/environ", "TOKEN=hunter2\0"s);
  p.root.write("/run/udev/data/b259:4", "E:ID_SERIAL_SHORT=S4EVNX0M123456\n");
  p.root.write("/usr/share/misc/pci.ids",
               "# names\n10de  NVIDIA Corporation\n\t2484  GA104 [GeForce RTX 3070]\n\t\t1462 3909  Suprim\n"
               "\t9999  Another\nffff  Illegal Vendor ID\n");
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "# of wilma, on tower\n");
}

// The program writes into the folder that it runs in.
class WorkingFolder {
 public:
  WorkingFolder() { fs::current_path(root.path()); }
  ~WorkingFolder() { fs::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root.path())) names.push_back(entry.path().filename());
    return names;
  }
  TemporaryRoot root;

 private:
  fs::path before_ = fs::current_path();
};

std::size_t temporary_folders() {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/tmp"))
    if (entry.path().filename().string().starts_with("qemu-hook-report-")) ++count;
  return count;
}

std::string without(std::string text, const std::string& part, const std::string& by = {}) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + by.size()))
    text.replace(at, part.size(), by);
  return text;
}

struct Report {
  json printed;
  std::string folder;  // unpacked
  std::string read(const std::string& file) const { return qh::read_file(folder + "/" + file).value_or(""); }
  // What the program says over the unpacked files, with nothing else of that host.
  std::string replayed(std::vector<std::string> arguments) const {
    arguments.push_back("--json");
    const auto ran = qh::blackbox::run_program(folder, QH_STAND_IN_FOLDER "/sysfs-writes.so", "qemu-hook",
                                               {.arguments = arguments, .with_libvirt = false});
    return without(ran.out, folder);
  }
};

Report made(Program& p, const WorkingFolder& here, std::vector<std::string> arguments) {
  arguments.push_back("--json");
  const auto ran = p.run("qemu-hook", {.arguments = arguments, .limit = 60});
  CHECK(ran.err == "");
  REQUIRE(ran.status == 0);
  Report report{json::parse(ran.out), {}};
  const std::string file = report.printed["file"];
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  REQUIRE(std::system(("tar -xzf " + file).c_str()) == 0);
  report.folder = here.root.path() + "/" + file.substr(0, file.size() - std::string(".tar.gz").size());
  fs::remove(file);
  return report;
}

}  // namespace

TEST_CASE("--report GUEST: replayed elsewhere, --check and --devices say the same byte for byte") {
  Program p;
  add_hardware(p);
  REQUIRE(p.command({"--setup", "win10"}).status == 0);
  const WorkingFolder here;
  const auto report = made(p, here, {"--report", "win10"});
  for (const auto& [name, arguments] :
       std::vector<std::pair<std::string, std::vector<std::string>>>{{"check", {"--check", "win10"}},
                                                                     {"plan", {"--plan", "win10"}},
                                                                     {"check-host", {"--check"}},
                                                                     {"status", {"--status"}},
                                                                     {"devices", {"--devices"}}}) {
    CAPTURE(name);
    auto with_json = arguments;
    with_json.push_back("--json");
    const auto original = without(without(p.command(with_json).out, "wilma", "user1"), p.root.path());
    CHECK(report.replayed(arguments) == original);
    CHECK(without(report.read("report/" + name + ".json"), p.root.path()) == original);
    CHECK(report.read("report/" + name + ".txt") == without(p.command(arguments).out, "wilma", "user1"));
  }
  // It was worth comparing: a ROM that is none, names, and programs that have the card.
  const auto said = report.read("report/check.txt") + report.read("report/devices.txt");
  for (const char* part : {"/home/user1/gpu.rom", "4D 5A", "GeForce", "dd (1700: /dev/nvme1n1)",
                           "hexedit (1701: /dev/nvme1n1p1 (mapped))"})
    CHECK(said.find(part) != std::string::npos);
}

TEST_CASE("--report: no secret of the guest or the host is in it") {
  Program p;
  add_hardware(p);
  const WorkingFolder here;
  const auto report = made(p, here, {"--report", "win10"});
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(report.folder)) {
    const std::string name = entry.path().string().substr(here.root.path().size());
    const std::string text = name + "\n" +
                             (entry.is_symlink()        ? fs::read_symlink(entry.path()).string()
                              : entry.is_regular_file() ? qh::read_file(entry.path()).value_or("")
                                                        : "");
    ++files;
    CAPTURE(name);
    for (const auto& secret : secrets) {
      CAPTURE(secret);
      CHECK(text.find(secret) == std::string::npos);
    }
  }
  CHECK(files > 100);
  CHECK(report.read("etc/libvirt/qemu/win10.xml").find("<name>win10</name>") != std::string::npos);
  CHECK(report.read("home/user1/gpu.rom") == "MZ");
  CHECK(report.read("proc/1201/environ") == std::string("KWIN_DRM_DEVICES=/dev/dri/card1\0", 32));
  CHECK(!fs::exists(report.folder + "/proc/1600"));
}

TEST_CASE("--report over other hosts: the unpacked files say the same") {
  for (const char* host :
       {qh::fakes::apu_laptop, qh::fakes::workstation, qh::fakes::server, qh::fakes::vmd_board}) {
    CAPTURE(host);
    Program p;
    qh::fakes::write_host(p.root, host);
    const WorkingFolder here;
    const auto report = made(p, here, {"--report"});
    CHECK(report.replayed({"--devices"}) == without(p.command({"--devices", "--json"}).out, p.root.path()));
  }
}

TEST_CASE("--report without a guest is about the host; its list is printed") {
  Program p;
  add_hardware(p);
  p.root.write("/etc/libvirt/qemu/win10.xml", win10);
  const WorkingFolder here;
  const auto ran = p.run("qemu-hook", {.arguments = {"--report"}, .limit = 60});
  CHECK(ran.status == 0);
  REQUIRE(here.files().size() == 1);
  CHECK(ran.out.find(here.files()[0]) == 0);
  for (const char* part : {"report/check-host.txt", "etc/libvirt/qemu/win10.xml",
                           "entries of sys, proc and dev", "Nothing was sent anywhere"})
    CHECK(ran.out.find(part) != std::string::npos);
  CHECK(ran.out.find("report/plan.txt") == std::string::npos);
  CHECK(temporary_folders() == 0);
}

TEST_CASE("--report: a guest that nobody knows, and a folder that cannot be written, leave nothing behind") {
  Program p;
  add_hardware(p);
  const WorkingFolder here;
  const auto unknown = p.command({"--report", "nobody"});
  CHECK(unknown.status == 1);
  CHECK(unknown.err.find("nobody") != std::string::npos);
  CHECK(here.files().empty());
  fs::create_directory("gone");
  fs::current_path("gone");
  fs::remove(here.root.path() + "/gone");
  const auto ran = p.run("qemu-hook", {.arguments = {"--report", "win10"}, .limit = 60});
  CHECK(ran.status == 1);
  CHECK(ran.err.find("mv ") != std::string::npos);
  CHECK(here.files().empty());
  CHECK(temporary_folders() == 0);
}
