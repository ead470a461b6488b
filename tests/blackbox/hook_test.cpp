// The hook protocol, through the binary.
#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <regex>

#include "blackbox/program.h"
#include "core/file.h"
#include "core/text.h"
#include "fakes/hosts.h"

using qh::blackbox::Program;

namespace {

std::string hostdev(const std::string& slot, const std::string& function = "0") {
  return "<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0x0000' bus='" + slot +
         "' slot='0x00' function='0x" + function + "'/></source></hostdev>";
}
std::string domain(const std::string& devices, const std::string& name = "win10") {
  return "<domain type='kvm' id='1'>\n<name>" + name +
         "</name>\n<uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>\n<devices>\n" + devices +
         "\n</devices>\n</domain>\n";
}
const std::string nic = domain(hostdev("0x02"));

void add_hardware(Program& p) {
  p.kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
  p.kernel.add_device({"0000:03:00.0", "1b36:0010 1af4:1100", "010802", "nvme", "11"});
  p.kernel.add_driver("vfio-pci");
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE(
    "a guest's device goes on prepare and comes back on release, through libvirt by its node device name") {
  Program p;
  add_hardware(p);
  const std::string before = p.kernel.state();
  const auto prepared = p.hook("win10", "prepare", "begin", nic);
  CHECK(prepared.status == 0);
  CHECK(prepared.out.empty());
  CHECK(prepared.err.empty());
  CHECK(p.kernel.driver("0000:02:00.0") == "vfio-pci");
  CHECK(p.root.exists("/run/libvirt/qemu-hook/win10.journal"));
  const std::string conf = p.root.read("/etc/libvirt/qemu-hook/guests/win10.toml");
  CHECK(conf.find("address  = \"0000:02:00.0\"") != std::string::npos);
  CHECK(conf.find("identity = \"8086:10d3 8086:0000 020000\"") != std::string::npos);

  const auto released = p.hook("win10", "release", "end", nic);
  CHECK(released.status == 0);
  CHECK(released.out.empty());
  CHECK(p.kernel.state() == before);
  CHECK_FALSE(p.root.exists("/run/libvirt/qemu-hook/win10.journal"));
  const std::string open = "open qemu+unix:///system?socket=" + p.root.path() + "/run/libvirt/libvirt-sock\n";
  CHECK(p.root.read("/libvirt-calls") == open + "describe pci_0000_02_00_0\ndetach pci_0000_02_00_0\n" +
                                             open + "describe pci_0000_02_00_0\nreattach pci_0000_02_00_0\n");
}

TEST_CASE("the hook's own process opens nothing that can wait for a driver") {
  Program p;
  qh::fakes::write_host(p.root, qh::fakes::desktop);
  p.kernel.add_device({"0000:0a:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "40"});
  p.kernel.add_driver("vfio-pci");
  p.root.write("/opens", "");
  p.root.write("/etc/libvirt/qemu-hook/guests/win10.toml",
               "[[device]]\naddress = \"0a:00.0\"\nreset = \"flr\"\n");
  // The card with the screen is refused, or its desktop would have to go; the network card is handed over.
  (void)p.hook("screen", "prepare", "begin", domain(hostdev("0x01"), "screen"));
  CHECK(p.hook("win10", "prepare", "begin", domain(hostdev("0x0a"))).err == "");
  // While its QEMU runs, whose arguments the kernel shows under a lock of that process.
  p.root.write("/run/libvirt/qemu/win10.pid", "4242");
  p.root.write("/proc/4242/stat", "4242 (qemu-system-x86) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9999 0 0");
  p.root.write("/proc/4242/cmdline", "qemu -name guest=win10");
  CHECK(p.command({"--status"}).out.find("win10") != std::string::npos);
  p.root.write("/run/libvirt/qemu/win10.pid", "");
  (void)p.hook("win10", "stopped", "end", "");
  (void)p.hook("win10", "release", "end", "");
  (void)p.command({"--check", "win10", "--xml", "-"}, nic);
  (void)p.command({"--status"});
  const std::string opens = p.root.read("/opens");
  CHECK(opens.find("/run/libvirt/qemu-hook/.new\n") != std::string::npos);
  // What the kernel shows of itself without a driver's lock, each with the function that prints it.
  const std::regex harmless(
      "/sys/bus/pci/devices/[0-9a-f:.]*/modalias"  // modalias_show
      "|/proc/[0-9]+/(stat|comm|cgroup)"           // do_task_stat, comm_show, proc_cgroup_show
      "|/proc/(self|1)/mountinfo|/proc/swaps"      // show_mountinfo, swap_show
      "|/proc/devices|/proc/iomem"                 // devinfo_show, r_show
      "|/proc/self/(attr/current|status)"          // proc_pid_attr_read, proc_pid_status
      "|/proc/sys/kernel/osrelease"                // proc_do_uts_string
      "|/proc/net/(route|ipv6_route)|/proc/stat");
  for (const auto line : qh::split(opens, '\n')) {
    const std::string file(line);
    if (!file.starts_with("/sys/") && !file.starts_with("/proc/") && !file.starts_with("/dev/")) continue;
    CAPTURE(file);
    CHECK(std::regex_match(file, harmless));
  }
}

TEST_CASE("each step is a line in the log, with the guest and the time it took") {
  Program p;
  add_hardware(p);
  p.hook("win10", "prepare", "begin", nic);
  const auto log = p.log();
  REQUIRE(log.size() == 3);
  CHECK(log[0].find("<30>") == 0);  // daemon.info
  CHECK(log[0].find(" qemu-hook[") != std::string::npos);
  CHECK(log[0].find("]: win10: unbind 0000:02:00.0 from e1000e (") != std::string::npos);
  CHECK(log[1].find("detach 0000:02:00.0 (pci_0000_02_00_0) (") != std::string::npos);
  CHECK(log[2].find(" ms)") != std::string::npos);
}

TEST_CASE("every other event is over at once: no stdin read, no conf read, nothing written, no libvirt") {
  Program p;
  add_hardware(p);
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "this is = = no TOML");
  p.root.write("/etc/libvirt/qemu-hook/guests/win10.toml", "nor is this");
  const std::string before = p.files();
  for (const auto& [operation, sub_operation] :
       std::vector<std::pair<std::string, std::string>>{{"start", "begin"},
                                                        {"started", "begin"},
                                                        {"reconnect", "begin"},
                                                        {"attach", "begin"},
                                                        {"migrate", "begin"},
                                                        {"restore", "begin"},
                                                        {"stopped", "end"},
                                                        {"release", "end"},
                                                        {"prepare", "end"},
                                                        {"from-the-future", "-"},
                                                        {"", ""}}) {
    CAPTURE(operation);
    const auto ran =
        p.run("/etc/libvirt/hooks/qemu",
              {.arguments = {"win10", operation, sub_operation, "-"}, .input_stays_open = true, .limit = 5});
    CHECK(ran.ended);
    CHECK(ran.status == 0);
    CHECK(ran.out.empty());
    CHECK(ran.err.empty());
  }
  CHECK(p.files() == before);
  CHECK_FALSE(p.root.exists("/libvirt-calls"));
}

TEST_CASE("a guest whose devices were all taken out starts although its old journal cannot be undone") {
  Program p;
  add_hardware(p);
  REQUIRE(p.hook("win10", "prepare", "begin", nic).status == 0);
  p.root.write("/run/libvirt/qemu-hook/win10.journal",
               p.root.read("/run/libvirt/qemu-hook/win10.journal") + "step bind-mdev x\nbegin 2\n");
  const auto ran = p.hook("win10", "prepare", "begin", domain(""));
  CHECK(ran.status == 0);
  CHECK(ran.err.empty());
  CHECK(p.kernel.driver("0000:02:00.0") == "e1000e");
  const auto log = p.log();
  CHECK(std::any_of(log.begin(), log.end(), [](const auto& line) {
    return line.find("a newer version of qemu-hook") != std::string::npos;
  }));
}

TEST_CASE("a guest without host devices pays nothing, whatever the confs say") {
  Program p;
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "this is = = no TOML");
  const std::string before = p.files();
  const auto ran =
      p.hook("win10", "prepare", "begin", domain("<disk type='file'><source file='/x'/></disk>"));
  CHECK(ran.status == 0);
  CHECK(ran.err.empty());
  CHECK(p.files() == before);
  CHECK_FALSE(p.root.exists("/libvirt-calls"));
}

TEST_CASE("a user's session guest: exit 0 and nothing done") {
  Program p;
  add_hardware(p);
  const auto ran = p.run("/etc/libvirt/hooks/qemu",
                         {.arguments = {"win10", "prepare", "begin", "-"}, .input = nic, .user = 65534});
  CHECK(ran.status == 0);
  CHECK(p.kernel.driver("0000:02:00.0") == "e1000e");
  CHECK_FALSE(p.root.exists("/etc/libvirt/qemu-hook"));
}

TEST_CASE("of several links to the program, only the first that libvirt calls acts") {
  Program p;
  add_hardware(p);
  const std::string hooks = "/etc/libvirt/hooks/qemu", link = hooks + ".d/50-qemu-hook";
  const auto put = [&](const std::string& path, const std::string& target) {
    std::filesystem::create_directories(p.root.path() + hooks + ".d");
    std::filesystem::create_symlink(target, p.root.path() + path);
  };
  const auto acts = [&](const std::string& path) {
    const auto call = [&](const char* operation, const char* sub_operation) {
      return p.run(path, {.arguments = {"win10", operation, sub_operation, "-"}, .input = nic}).status;
    };
    CHECK(call("prepare", "begin") == 0);
    const bool done = p.kernel.driver("0000:02:00.0") == "vfio-pci";
    CHECK(call("release", "end") == 0);
    CHECK(p.kernel.driver("0000:02:00.0") == "e1000e");
    return done;
  };
  put(link, QH_PROGRAM);
  put(link + ".dpkg-tmp", QH_PROGRAM);
  put(hooks + ".d/10-other", "/bin/true");
  CHECK(acts(link));
  CHECK_FALSE(acts(link + ".dpkg-tmp"));
  put(hooks, QH_PROGRAM);
  CHECK(acts(hooks));
  CHECK_FALSE(acts(link));
  std::filesystem::remove(p.root.path() + hooks);
  put(hooks, "/bin/true");
  CHECK(acts(link));
}

TEST_CASE("the installer's trial guest is told so, and leaves nothing in the log") {
  Program p;
  p.root.write("/etc/libvirt/qemu-hook/host.toml",
               "broken");  // a start that the hook refuses for whatever reason
  const std::string before = p.files();
  const auto ran =
      p.hook("qemu-hook-probe", "prepare", "begin",
             "<domain><name>qemu-hook-probe</name><devices>"
             "<hostdev mode='subsystem' type='pci'><source><address domain='0xfffffffe' bus='0xff' "
             "slot='0x1f' function='0x7'/></source></hostdev></devices></domain>");
  CHECK(ran.status == 1);  // nobody must be able to start it
  CHECK(ran.out.empty());
  CHECK(ran.err.find("qemu-hook: libvirt calls the hook") == 0);
  CHECK(p.hook("qemu-hook-probe", "release", "end", "").status == 0);
  CHECK(p.log().empty());
  const std::string found = "/run/libvirt/qemu-hook/trial";
  CHECK(p.root.read(found).empty());  // nothing is lacking
  std::filesystem::remove(p.root.path() + found);
  CHECK(p.files() == before);
}

TEST_CASE(
    "what the hook may not do: the trial tells, --check repeats it, and a start that needs it is refused") {
  Program p;
  add_hardware(p);
  p.root.write("/proc/self/attr/current", "system_u:system_r:virtqemud_t:s0");
  p.root.write("/proc/self/ns/x", "");
  p.root.write("/proc/1/ns/x", "");
  std::filesystem::create_symlink("net:[1]", p.root.path() + "/proc/1/ns/net");
  std::filesystem::create_symlink("net:[2]", p.root.path() + "/proc/self/ns/net");
  const auto trial = p.hook("qemu-hook-probe", "prepare", "begin", "");
  CHECK(trial.status == 1);
  CHECK(trial.err.find("\n  context: system_u:system_r:virtqemud_t:s0\n"
                       "  cannot: see the host's network links\n  hint: take PrivateNetwork= out") !=
        std::string::npos);
  const auto told = p.command({"--check"}).out;
  CHECK(told.find("libvirt calls the hook, it cannot see the host's network links") != std::string::npos);
  CHECK(told.find("its context is system_u:system_r:virtqemud_t:s0") != std::string::npos);

  const std::string before = p.kernel.state();
  const auto ran = p.hook("win10", "prepare", "begin", nic);
  CHECK(ran.status == 1);
  CHECK(ran.err.find(
            "qemu-hook: the hook cannot see the host's network links\n  hint: take PrivateNetwork=") == 0);
  CHECK(p.kernel.state() == before);
  CHECK_FALSE(p.root.exists("/run/libvirt/qemu-hook/win10.journal"));
  // A guest without network cards does not need it.
  CHECK(p.hook("win10", "prepare", "begin", domain(hostdev("0x03"))).status == 0);
}

TEST_CASE("input that cannot be understood is refused with one reason, and nothing is written") {
  Program p;
  add_hardware(p);
  const std::string before = p.files();
  for (const std::string& xml :
       {std::string("broken"), std::string(), std::string("<domain><devices></domain>"), nic.substr(0, 120),
        domain(hostdev("0x1ff")), domain(hostdev("two")), std::string(17U << 20U, ' ')}) {
    CAPTURE(xml.substr(0, 200));
    const auto ran = p.hook("win10", "prepare", "begin", xml);
    CHECK(ran.status == 1);
    CHECK(ran.out.empty());
    CHECK(ran.err.substr(0, 11) == "qemu-hook: ");
    CHECK(lines(ran.err) <= 2);
  }
  CHECK(p.files() == before);
  CHECK(p.kernel.driver("0000:02:00.0") == "e1000e");
}

TEST_CASE("a refusal says device, reason and remedy in at most ten lines") {
  Program p;
  add_hardware(p);
  std::string many;
  for (int i = 0x10; i < 0x30; ++i) many += hostdev("0x" + std::to_string(i));
  const auto ran = p.hook("win10", "prepare", "begin", domain(many));
  CHECK(ran.status == 1);
  CHECK(lines(ran.err) == 10);
  CHECK(ran.err.find("qemu-hook: 0000:16:00.0: there is no such device on this host\n  hint: ") == 0);
  CHECK(p.hook("win10", "release", "end", nic).status == 0);
}

TEST_CASE("the connection to libvirt opens while the host driver lets go") {
  Program p;
  add_hardware(p);
  p.root.write("/libvirt-mode", "open-after-unbind-of:0000:02:00.0");
  p.unbinds_wait_for_libvirt = true;
  const auto ran = p.hook("win10", "prepare", "begin", nic);
  CHECK(ran.err.empty());
  CHECK(ran.status == 0);
  const std::string text = p.root.read("/libvirt-calls");
  const auto calls = qh::split(qh::trimmed(text), '\n');
  REQUIRE(calls.size() == 4);
  CHECK(calls[0].starts_with("open "));
  CHECK(calls[1] == "opened after the unbind");
  CHECK(calls[2] == "describe pci_0000_02_00_0");
  CHECK(calls[3] == "detach pci_0000_02_00_0");
}

TEST_CASE("a connection that still opens when the start fails is given up, and holds nothing") {
  Program p;
  add_hardware(p);
  const std::string before = p.kernel.state();
  p.root.write("/libvirt-mode", "hang-connect");
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "[deadlines]\nconnect = 0.3\ndetach = 0.3\n");
  // Without that file the unbind fails at once.
  std::filesystem::remove(p.root.path() + "/sys/bus/pci/drivers/e1000e/unbind");
  const auto ran = p.hook("win10", "prepare", "begin", nic);
  CHECK(ran.ended);
  CHECK(ran.status == 1);
  CHECK(ran.err.find("0000:02:00.0: cannot unbind it from e1000e") != std::string::npos);
  CHECK(p.kernel.state() == before);
}

TEST_CASE("a libvirt that does not answer: sysfs does it, within the deadline") {
  Program p;
  add_hardware(p);
  p.root.write("/etc/libvirt/qemu-hook/host.toml",
               "[deadlines]\nconnect = 0.3\ndetach = 0.5\nreattach = 0.5\n");
  const std::string before = p.kernel.state();
  for (const char* mode : {"hang-connect", "refuse-connect", "no-worker", "hang-detach"}) {
    CAPTURE(mode);
    p.root.write("/libvirt-mode", mode);
    const auto prepared = p.hook("win10", "prepare", "begin", nic);
    CHECK(prepared.ended);  // nobody whom we left behind holds stdout or stderr
    CHECK(prepared.status == 0);
    CHECK(prepared.err.empty());
    CHECK(p.kernel.driver("0000:02:00.0") == "vfio-pci");
    CHECK(p.hook("win10", "release", "end", nic).status == 0);
    CHECK(p.kernel.state() == before);
  }
}

TEST_CASE("a libvirt without a free worker is asked for nothing that it could do late") {
  Program p;
  add_hardware(p);
  p.root.write("/etc/libvirt/qemu-hook/host.toml", "[deadlines]\nconnect = 0.3\n");
  p.root.write("/libvirt-mode", "no-worker");
  const std::string both = domain(hostdev("0x02") + hostdev("0x03"));
  CHECK(p.hook("win10", "prepare", "begin", both).status == 0);
  CHECK(p.hook("win10", "release", "end", both).status == 0);
  const std::string calls = p.root.read("/libvirt-calls");
  CHECK(calls.find("tach ") == std::string::npos);
  CHECK(std::count(calls.begin(), calls.end(), '\n') == 4);  // twice: open, describe
  const auto log = p.log();
  CHECK(std::any_of(log.begin(), log.end(), [](const std::string& line) {
    return line.find("waiting for a worker of libvirt to be free: not finished after 0.3 s; using sysfs") !=
           std::string::npos;
  }));
}

TEST_CASE("a device that libvirt does not know goes by sysfs, the others by libvirt all the same") {
  Program p;
  add_hardware(p);
  const std::string before = p.kernel.state();
  const std::string both = domain(hostdev("0x02") + hostdev("0x03"));
  p.root.write("/libvirt-mode", "unknown:pci_0000_02_00_0");
  REQUIRE(p.hook("win10", "prepare", "begin", both).status == 0);
  REQUIRE(p.hook("win10", "release", "end", both).status == 0);
  CHECK(p.kernel.state() == before);
  const std::string calls = p.root.read("/libvirt-calls");
  CHECK(calls.find("tach pci_0000_02_00_0") == std::string::npos);
  CHECK(calls.find("\ndetach pci_0000_03_00_0\n") != std::string::npos);
}

TEST_CASE("a daemon that has no driver for node devices, or may not write to sysfs, leaves all to sysfs") {
  for (const char* mode : {"no-driver", "denied"}) {
    CAPTURE(mode);
    Program p;
    add_hardware(p);
    const std::string before = p.kernel.state();
    const std::string both = domain(hostdev("0x02") + hostdev("0x03"));
    p.root.write("/libvirt-mode", mode);
    REQUIRE(p.hook("win10", "prepare", "begin", both).status == 0);
    CHECK(p.kernel.driver("0000:02:00.0") == "vfio-pci");
    REQUIRE(p.hook("win10", "release", "end", both).status == 0);
    CHECK(p.kernel.state() == before);
  }
}

TEST_CASE("without libvirt's library the devices are handed over all the same") {
  Program p;
  add_hardware(p);
  const std::string before = p.kernel.state();
  for (const auto& [operation, sub] : {std::pair{"prepare", "begin"}, {"release", "end"}}) {
    const auto ran =
        p.run("/etc/libvirt/hooks/qemu",
              {.arguments = {"win10", operation, sub, "-"}, .input = nic, .with_libvirt = false});
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    CHECK((p.kernel.state() == before) == (operation == std::string("release")));
  }
}

TEST_CASE("libvirt's own refusal stands, is quoted, and everything is undone") {
  Program p;
  add_hardware(p);
  const std::string before = p.kernel.state();
  p.root.write("/libvirt-mode", "fail-detach");
  const auto ran = p.hook("win10", "prepare", "begin", nic);
  CHECK(ran.status == 1);
  CHECK(ran.err ==
        "qemu-hook: 0000:02:00.0: libvirt's detach: PCI device is in use by driver QEMU, domain other\n");
  CHECK(p.kernel.state() == before);
  CHECK_FALSE(p.root.exists("/run/libvirt/qemu-hook/win10.journal"));
}

TEST_CASE("a conf that cannot be read refuses the start, with its line, and stays as it is") {
  Program p;
  add_hardware(p);
  const std::string text =
      "guest = \"win10\"\n\n[[device]]\naddress = \"0000:02:00.0\"\ndetatch = \"never\"\n";
  p.root.write("/etc/libvirt/qemu-hook/guests/win10.toml", text);
  const auto ran = p.hook("win10", "prepare", "begin", nic);
  CHECK(ran.status == 1);
  CHECK(ran.err.find("win10.toml:5:1") != std::string::npos);
  CHECK(ran.err.find("detach") != std::string::npos);
  CHECK(p.root.read("/etc/libvirt/qemu-hook/guests/win10.toml") == text);
  CHECK(p.kernel.driver("0000:02:00.0") == "e1000e");
}

TEST_CASE(
    "a conf that others could have written, or that is a link, is refused with file, reason and remedy") {
  namespace fs = std::filesystem;
  Program p;
  add_hardware(p);
  p.root.write("/domains/win10", nic);
  const std::string before = p.kernel.state(), folder = "/etc/libvirt/qemu-hook/guests";
  const std::string conf = "guest = \"win10\"\n";
  p.root.write(folder + "/win10.toml", conf);
  const std::string guests = p.root.path() + folder, file = guests + "/win10.toml";
  const auto refused = [&](const std::string& reason, const std::string& remedy) {
    const auto calls = {p.hook("win10", "prepare", "begin", nic), p.command({"--detach", "win10"}),
                        p.command({"--setup", "win10"}), p.command({"--check", "win10"}),
                        p.command({"--plan", "win10"})};
    for (const auto& ran : calls) {
      CAPTURE(ran.out);
      CAPTURE(ran.err);
      CHECK(ran.status == 1);
      CHECK((ran.out + ran.err).find(reason) != std::string::npos);
      CHECK((ran.out + ran.err).find("hint: " + remedy) != std::string::npos);
    }
    CHECK(calls.begin()->err == "qemu-hook: " + reason + "\n  hint: " + remedy + "\n");
    CHECK(p.kernel.state() == before);
    CHECK_FALSE(p.root.exists("/run/libvirt/qemu-hook/win10.journal"));
  };

  for (const auto mode : {0666, 0664, 0646}) {
    fs::permissions(file, static_cast<fs::perms>(mode));
    char shown[8];
    std::snprintf(shown, sizeof shown, "%04o", static_cast<unsigned>(mode));
    refused(file + " can be written by users other than its owner (mode " + shown + ")",
            "chmod go-w " + file);
    CHECK(p.root.read(folder + "/win10.toml") == conf);
  }
  fs::permissions(file, static_cast<fs::perms>(0644));

  fs::permissions(guests, static_cast<fs::perms>(0777));
  refused(guests + " can be written by users other than its owner (mode 0777)", "chmod go-w " + guests);
  fs::permissions(guests, static_cast<fs::perms>(0755));

  if (::geteuid() == 0) {
    for (const auto& path : {file, guests}) {
      REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
      refused(path + " belongs to user 65534", "chown root " + path);
      REQUIRE(::chown(path.c_str(), 0, 0) == 0);
    }
  }

  fs::rename(file, p.root.path() + "/elsewhere.toml");
  fs::create_symlink(p.root.path() + "/elsewhere.toml", file);
  refused(file + " is a symbolic link", "put the file itself there");
  fs::remove(file);
  fs::create_symlink("/nowhere", file);
  refused(file + " is a symbolic link", "put the file itself there");
  fs::remove(file);
  fs::rename(p.root.path() + "/elsewhere.toml", file);

  fs::rename(guests, p.root.path() + "/elsewhere");
  fs::create_directory_symlink(p.root.path() + "/elsewhere", guests);
  refused(guests + " is a symbolic link", "put the folder itself there");
  fs::remove(guests);
  fs::rename(p.root.path() + "/elsewhere", guests);

  CHECK(p.hook("win10", "prepare", "begin", nic).status == 0);
  fs::permissions(file, static_cast<fs::perms>(0666));
  CHECK(p.hook("win10", "release", "end", nic).status == 0);  // giving back needs no conf
  CHECK(p.kernel.state() == before);
}

TEST_CASE("the conf follows the XML and keeps the user's text") {
  Program p;
  add_hardware(p);
  p.hook("win10", "prepare", "begin", nic);
  p.hook("win10", "release", "end", nic);
  const std::string file = "/etc/libvirt/qemu-hook/guests/win10.toml";
  std::string conf = "# mine\n" + p.root.read(file);
  p.root.write(file, conf);
  CHECK(p.hook("win10", "prepare", "begin", nic).status == 0);
  CHECK(p.root.read(file) == conf);
  p.hook("win10", "release", "end", nic);
  const std::string both = domain(hostdev("0x02") + hostdev("0x03"));
  CHECK(p.hook("win10", "prepare", "begin", both).status == 0);
  CHECK(p.root.read(file).find(conf) == 0);
  CHECK(p.root.read(file).find("0000:03:00.0") != std::string::npos);
  p.hook("win10", "release", "end", both);
  CHECK(p.hook("win10", "prepare", "begin", nic).status == 0);
  CHECK(p.root.read(file) == conf);
}

TEST_CASE("names of any kind: each its own files, all of them where they belong") {
  for (const std::string& name :
       {std::string("with space"), std::string(".."), std::string("-rf"), std::string("--setup"),
        std::string("a'b\"c$(x)`y`"), std::string("new\nline"), std::string(255, 'x'), std::string("größe"),
        std::string("\xe7\x95\x8c\xe7\x95\x8c")}) {
    CAPTURE(name);
    Program p;
    add_hardware(p);
    const std::string before = p.kernel.state();
    const auto prepared = p.hook(name, "prepare", "begin", nic);
    CHECK(prepared.status == 0);
    CHECK(prepared.err.empty());
    CHECK(p.kernel.driver("0000:02:00.0") == "vfio-pci");
    CHECK(qh::list_folder(p.root.path() + "/run/libvirt/qemu-hook").size() == 1);
    CHECK(qh::list_folder(p.root.path() + "/etc/libvirt/qemu-hook/guests").size() == 1);
    CHECK(p.hook(name, "release", "end", nic).status == 0);
    CHECK(p.kernel.state() == before);
    CHECK(qh::list_folder(p.root.path() + "/run/libvirt/qemu-hook").empty());
  }
}
