// What the kernel, a daemon or another guest may do in the middle of a hand-over: nothing hangs, nothing is
// taken away, and nothing is left half done.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "fakes/model_host.h"
#include "handover/assessment.h"
#include "handover/claims.h"
#include "handover/handover.h"
#include "handover/journal.h"
#include "host/processes/child.h"

using namespace qh;
using namespace qh::handover;

namespace {

constexpr char nic[] = "0000:02:00.0", edu[] = "0000:00:05.0";

struct World : fakes::ModelHost {
  World() {
    kernel.add_device({nic, "8086:10d3 8086:0000", "020000", "e1000e", "10"});
    kernel.add_device({edu, "1234:11e8 1af4:1100", "00ff00", "", "5"});
    ports.conf.deadlines.lock = Milliseconds{100};
    ports.conf.deadlines.reattach = Milliseconds{100};
  }
  Guest guest(const std::string& name, const std::vector<std::string>& addresses) {
    xml::Domain domain{name, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", {}, {}, {}};
    for (const auto& a : addresses)
      domain.devices.push_back({*parse_pci_address(a), xml::Source::hostdev, true});
    return make_guest(domain, {}, host);
  }
  std::vector<std::string> journals() const { return list_folder(root.path() + "/run/libvirt/qemu-hook"); }
  // Its QEMU runs, and libvirt's file about it names these devices.
  void run(const std::string& name, const std::vector<std::string>& addresses) const {
    root.write("/run/libvirt/qemu/" + name + ".pid", "4242");
    root.write("/proc/4242/stat", "4242 (qemu-system-x86) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9999 0 0");
    root.write("/proc/4242/comm", "qemu-system-x86\n");
    root.write("/proc/4242/cmdline", std::string("qemu\0-uuid\0004dea22b3-1d52-d8f3-2516-782e98ab3fa0", 47));
    std::string devices;
    for (const auto& a : addresses)
      devices += "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x" +
                 a.substr(0, 4) + "' bus='0x" + a.substr(5, 2) + "' slot='0x" + a.substr(8, 2) +
                 "' function='0x" + a.substr(11) + "'/></source></hostdev>";
    root.write("/run/libvirt/qemu/" + name + ".xml",
               "<!-- WARNING -->\n<domstatus state='running' reason='booted' pid='4242'>\n  <domain "
               "type='qemu' id='1'>"
               "<name>" +
                   name + "</name><devices>" + devices + "</devices></domain>\n</domstatus>\n");
  }
  void set_daemon(int start_time) const {
    const std::string parent = std::to_string(::getppid());
    root.write("/proc/" + parent + "/stat", parent + " (libvirtd) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " +
                                                std::to_string(start_time) + " 0 0");
  }
};

// Acts once, when an act of the kernel's or libvirt's with this beginning is due.
struct Meanwhile : fakes::ModelModules {
  using fakes::ModelModules::ModelModules;
  std::function<void()> act;
  Result<void> load(const std::string& module, Milliseconds timeout) override {
    auto done = ModelModules::load(module, timeout);
    if (act) act();
    return done;
  }
};

bool mentions(const std::vector<Error>& errors, const std::string& text) {
  return std::any_of(errors.begin(), errors.end(), [&](const Error& e) {
    return e.message.find(text) != std::string::npos || e.remedy.find(text) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("attributes are read by a child, also one after another") {
  const fakes::TemporaryRoot root;
  root.write("/sys/class/vtconsole/vtcon0/name", "(M) frame buffer device\n");
  const host::RealHost host(root.path());
  for (int i = 0; i < 3; ++i)
    CHECK(host.sysfs.read("class/vtconsole/vtcon0/name") == "(M) frame buffer device");
  const auto absent = host.sysfs.read("class/vtconsole/vtcon9/bind");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().is(ErrorKind::not_found));
}

TEST_CASE("a write that hangs is given up, and attributes are read and written all the same") {
  const fakes::TemporaryRoot root;
  root.write("/sys/bus/pci/devices/0000:02:00.0/driver_override", "(null)\n");
  // Opening a FIFO that nobody reads blocks.
  REQUIRE(::mkfifo((root.path() + "/sys/bus/pci/drivers_probe").c_str(), 0600) == 0);
  const host::RealHost host(root.path());
  const std::string attribute = "bus/pci/devices/0000:02:00.0/driver_override";
  for (int i = 0; i < 2; ++i) {
    REQUIRE(host.sysfs.write(attribute, "vfio-pci\n", Milliseconds{5000}));
    CHECK(host.sysfs.read(attribute) == "vfio-pci");
    const auto stuck = host.sysfs.write("bus/pci/drivers_probe", "0000:02:00.0", Milliseconds{100});
    REQUIRE_FALSE(stuck);
    CHECK(stuck.error().is(ErrorKind::timed_out));
  }
  const auto absent = host.sysfs.write("bus/pci/rescan", "1", Milliseconds{5000});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().is(ErrorKind::not_found));
}

TEST_CASE("a child works on a question while nobody waits for the answer") {
  const fakes::TemporaryRoot root;
  auto servant = host::Servant::start([&](const std::string& question) -> Result<std::string> {
    root.write("/asked", question);
    return question + " answered";
  });
  REQUIRE(servant);
  servant->put("one");
  REQUIRE(Deadline(Milliseconds{10'000}).wait_for([&] { return root.read("/asked") == "one"; }));
  CHECK(servant->answer("asking", Milliseconds{10'000}) == "one answered");
  CHECK(servant->ask("asking", "two", Milliseconds{10'000}) == "two answered");
}

TEST_CASE("a child that still works on an answer ends with whoever put the question") {
  const fakes::TemporaryRoot root;
  {
    auto servant = host::Servant::start([&](const std::string&) -> Result<std::string> {
      root.write("/pid", std::to_string(::getpid()));
      for (;;) ::pause();
    });
    REQUIRE(servant);
    servant->put("one");
    REQUIRE(Deadline(Milliseconds{10'000}).wait_for([&] { return !root.read("/pid").empty(); }));
  }
  CHECK(::kill(std::stoi(root.read("/pid")), 0) < 0);
}

TEST_CASE("bytes of an attribute come through as they are") {
  const fakes::TemporaryRoot root;
  const std::string config("\xff\xff\0\0 \n\x10", 7);
  root.write("/sys/bus/pci/devices/0000:02:00.0/config", config);
  const host::RealHost host(root.path());
  CHECK(host.sysfs.read_bytes("bus/pci/devices/0000:02:00.0/config", 64) == config);
  CHECK(host.sysfs.read_bytes("bus/pci/devices/0000:02:00.0/config", 2) == config.substr(0, 2));
}

TEST_CASE("a device whose configuration space is held is refused, and nothing is touched") {
  World w;
  const std::string before = w.kernel.state();
  w.sysfs.stuck = {"bus/pci/devices/0000:02:00.0/config"};
  const auto errors = prepare(w.ports, w.guest("a", {nic, edu}));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("0000:02:00.0: its configuration space does not answer") == 0);
  CHECK(w.kernel.state() == before);
  CHECK(w.faults.acts.empty());
  CHECK(w.journals().empty());
  const auto findings = assess(w.host, w.services, w.guest("a", {nic})).findings;
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].check == "answers");
}

TEST_CASE("a device whose lock is held is refused, and nothing is touched") {
  World w;
  w.sysfs.stuck = {"bus/pci/devices/0000:02:00.0/driver_override"};
  const auto errors = prepare(w.ports, w.guest("a", {nic}));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message == "0000:02:00.0: the kernel holds it, because a driver hangs");
  CHECK(w.faults.acts.empty());
}

TEST_CASE("a device that is held when the guest ends stays in the journal, the others come back") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("a", {nic, edu})).empty());
  w.sysfs.stuck = {"bus/pci/devices/0000:02:00.0/driver_override"};
  w.libvirt.calls.clear();
  const auto errors = release(w.ports, "a");
  CHECK(mentions(errors, "0000:02:00.0"));
  // libvirt's own thread would wait for the device.
  CHECK(w.libvirt.calls == std::vector<std::string>{"reattach pci_0000_00_05_0"});
  CHECK(w.kernel.driver(edu).empty());
  CHECK(w.journals() == std::vector<std::string>{"a.journal"});
  w.sysfs.stuck.clear();
  CHECK(release(w.ports, "a").empty());
  CHECK(w.kernel.state() == before);
}

TEST_CASE("a daemon that ends during a start: all is undone, since nobody would call release") {
  World w;
  const std::string before = w.kernel.state();
  Meanwhile modules(w.kernel, w.faults);
  modules.act = [&] { w.set_daemon(9000); };
  Ports ports{w.host, w.libvirt, modules, w.services, w.log, w.ports.conf, w.ports.settle, w.ports.daemon};
  const auto errors = prepare(ports, w.guest("a", {nic, edu}));
  CHECK(mentions(errors, "ended during the start"));
  CHECK(w.kernel.state() == before);
  CHECK(w.journals().empty());
}

TEST_CASE("the daemon is the nearest ancestor that is one") {
  World w;
  const std::string parent = std::to_string(::getppid());
  const auto process = [&](const std::string& pid, const std::string& name, const std::string& its_parent) {
    w.root.write("/proc/" + pid + "/stat",
                 pid + " (" + name + ") S " + its_parent + " 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
  };
  const auto found = [&] {
    const auto daemon = host::find_calling_daemon(w.host);
    REQUIRE(daemon);
    REQUIRE(daemon->has_value());
    return (*daemon)->pid;
  };
  process(parent, "qemu) S 1 1", "900001");  // a script with an odd name
  process("900001", "timeout", "900002");
  SUBCASE("by its name") {
    process("900002", "virtqemud", "900003");
    process("900003", "libvirtd", "1");
    CHECK(found() == 900002);
  }
  SUBCASE("by its pid file") {
    process("900002", "my-libvirt", "900003");
    process("900003", "supervisor", "1");
    w.root.write("/run/libvirtd.pid", "900002\n");
    w.root.write("/proc/900002/comm", "my-libvirt\n");
    CHECK(found() == 900003);  // the file's process has another name: it may be anybody's by now
    process("900002", ".libvirtd-wrapp", "900003");
    CHECK(found() == 900002);
  }
  SUBCASE("or the eldest") {
    process("900002", "wrapper", "1");
    process("1", "systemd", "0");
    CHECK(found() == 900002);
  }
}

TEST_CASE("a guest that is just ending under a restarted daemon is not left over") {
  World w;
  REQUIRE(prepare(w.ports, w.guest("first", {nic})).empty());
  w.set_daemon(9000);
  const auto record = find_record(w.host, "first");
  REQUIRE(record);
  CHECK(holding(w.host, *record) == Holding::leftover);
  w.root.write("/run/libvirt/qemu/first.xml", "<domstatus/>");
  CHECK(holding(w.host, *record) == Holding::leftover);  // no daemon that could tell its end
  w.root.write("/run/libvirtd.pid", std::to_string(::getppid()));
  CHECK(holding(w.host, *record) == Holding::changing);
}

TEST_CASE("what was unplugged from a running guest") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("first", {nic, edu})).empty());
  w.run("first", {edu});
  SUBCASE("goes to the next guest that wants it") {
    REQUIRE(prepare(w.ports, w.guest("second", {nic})).empty());
    CHECK(w.journals() == std::vector<std::string>{"first.journal", "second.journal"});
    CHECK(w.kernel.driver(edu) == "vfio-pci");
    w.root.write("/proc/4242/stat", "");
    CHECK(release(w.ports, "first").empty());
    CHECK(w.kernel.driver(nic) == "vfio-pci");  // it is the second's
    CHECK(release(w.ports, "second").empty());
    CHECK(w.kernel.state() == before);
  }
  SUBCASE("is given back by hand while the guest runs") {
    CHECK(repair(w.ports, "first", {}).empty());
    CHECK(w.kernel.driver(nic) == "e1000e");
    CHECK(w.kernel.driver(edu) == "vfio-pci");
    CHECK(repair(w.ports, "first", {}).size() == 1);  // the rest is in use
  }
  SUBCASE("but not what it still has") {
    const auto errors = prepare(w.ports, w.guest("second", {edu}));
    CHECK(mentions(errors, "the running guest 'first' has had it"));
    CHECK(w.kernel.driver(nic) == "vfio-pci");
  }
}

TEST_CASE("what another guest is about to start with is not given back by hand") {
  World w;
  REQUIRE(prepare(w.ports, w.guest("first", {nic})).empty());
  const auto errors = repair(w.ports, "second", {*parse_pci_address(nic)});
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message == "0000:02:00.0: the guest 'first' has it");
  CHECK(w.kernel.driver(nic) == "vfio-pci");
}

TEST_CASE("by hand, without a journal, nothing is given back while somebody makes a claim") {
  World w;
  w.kernel.put_on_vfio(nic);
  w.ports.conf.deadlines.lock = Milliseconds{20};
  {
    const auto claiming = lock_folder(w.host, Milliseconds{1000});
    REQUIRE(claiming);
    const auto errors = repair(w.ports, "a", {*parse_pci_address(nic)});
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].kind == ErrorKind::timed_out);
    CHECK(w.kernel.driver(nic) == "vfio-pci");
  }
  CHECK(repair(w.ports, "a", {*parse_pci_address(nic)}).empty());
  CHECK(w.kernel.driver(nic) == "e1000e");
}

TEST_CASE("a device that somebody uses through VFIO without a journal is refused, with his name") {
  World w;
  w.kernel.put_on_vfio(nic);
  w.root.write("/sys/class/vfio/10/dev", "243:7\n");
  w.run("other", {});
  w.root.write("/proc/4242/maps", "");
  w.root.write("/proc/4242/fd/.keep", "");
  REQUIRE(::symlink("/dev/vfio/10", (w.root.path() + "/proc/4242/fd/9").c_str()) == 0);
  const auto errors = prepare(w.ports, w.guest("a", {nic}));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message ==
        "0000:02:00.0: it is in use through VFIO by qemu-system-x86 (4242: /dev/vfio/10)");
  CHECK(w.faults.acts.empty());
}

TEST_CASE("a disk is held while its driver is unbound, so that nobody mounts it meanwhile") {
  World w;
  const std::string nvme = "0000:03:00.0";
  w.kernel.add_device({nvme, "144d:a80a 144d:a801", "010802", "nvme", "11"});
  w.root.write("/sys/class/block/.keep", "");
  for (const char* name : {"nvme0n1", "nvme0n1/nvme0n1p1"}) {
    const std::string place = "/sys/devices/pci0000:00/" + nvme + "/nvme/nvme0/" + name;
    w.root.write(place + "/dev", "259:0\n");
    if (std::string(name).ends_with("p1")) w.root.write(place + "/partition", "1\n");
    std::filesystem::create_directory_symlink(
        "../.." + place.substr(4),
        w.root.path() + "/sys/class/block/" + std::filesystem::path(name).filename().string());
  }
  REQUIRE(prepare(w.ports, w.guest("a", {nvme, nic})).empty());
  CHECK(w.sysfs.held_for ==
        std::map<std::string, std::vector<std::string>>{{"bus/pci/drivers/nvme/unbind", {"/dev/nvme0n1"}}});
  REQUIRE(release(w.ports, "a").empty());

  // It had no driver: the kernel gives it one on its way back, and somebody may mount it at once.
  w.kernel.write("bus/pci/drivers/nvme/unbind", nvme);
  w.sysfs.held_for.clear();
  REQUIRE(prepare(w.ports, w.guest("a", {nvme})).empty());
  REQUIRE(release(w.ports, "a").empty());
  CHECK(w.kernel.driver(nvme).empty());
  CHECK(w.sysfs.held_for.at("bus/pci/drivers/nvme/unbind") == std::vector<std::string>{"/dev/nvme0n1"});
}

TEST_CASE("the whole of a start has a limit: what was not done is named, what was done is undone") {
  World w;
  const std::string before = w.kernel.state();
  w.ports.conf.deadlines.whole = Milliseconds{300};
  Meanwhile modules(w.kernel, w.faults);
  modules.act = [] { std::this_thread::sleep_for(Milliseconds{220}); };
  Ports ports{w.host, w.libvirt, modules, w.services, w.log, w.ports.conf, w.ports.settle, w.ports.daemon};
  const auto errors = prepare(ports, w.guest("a", {nic, edu}));
  CHECK(
      mentions(errors, "the time for the whole hand-over is up; not done: unbind 0000:02:00.0 from e1000e"));
  CHECK(w.kernel.state() == before);
  CHECK(w.journals().empty());
}

TEST_CASE("the whole of an end has a limit: what was not done is named, and done later") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("a", {nic, edu})).empty());
  w.ports.conf.deadlines.whole = Milliseconds{0};
  const auto errors = release(w.ports, "a");
  CHECK(mentions(errors,
                 "not done: reattach 0000:00:05.0, which had no driver, reattach 0000:02:00.0 to e1000e"));
  CHECK(mentions(errors, "`qemu-hook --reattach a` continues"));
  CHECK(w.journals() == std::vector<std::string>{"a.journal"});
  w.ports.conf.deadlines.whole = Milliseconds{20'000};
  CHECK(release(w.ports, "a").empty());
  CHECK(w.kernel.state() == before);
}

TEST_CASE("a newer version's step is left to that version, the rest is undone") {
  World w;
  REQUIRE(prepare(w.ports, w.guest("a", {nic})).empty());
  const std::string file = "/run/libvirt/qemu-hook/a.journal";
  std::string text = w.root.read(file);
  text.insert(text.find("step "), "step bind-mdev 0000:02:00.0\n");
  w.root.write(file, text + "begin 3\n");
  const auto errors = release(w.ports, "a");
  CHECK(mentions(errors, "a newer version of qemu-hook wrote a step that this version does not know"));
  CHECK(w.kernel.driver(nic) == "e1000e");
  CHECK(w.journals() == std::vector<std::string>{"a.journal"});
}

TEST_CASE("a program's end is waited for, not the end of what it leaves behind") {
  const Stopwatch watch;
  const auto said =
      host::run_program({"/bin/sh", "-c", "echo said; sleep 60 & exit 0"}, Milliseconds{30'000});
  CHECK(said == "said\n");
  CHECK(watch.elapsed() < Milliseconds{25'000});
  const auto failed =
      host::run_program({"/bin/sh", "-c", "echo no >&2; sleep 60 & exit 3"}, Milliseconds{30'000});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message.find("failed (3): no") != std::string::npos);
}

TEST_CASE("a guest's QEMU is the process of libvirt's pid file that has its UUID") {
  World w;
  const auto found = [&] {
    return host::find_guest_process(w.host, "a", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
  };
  CHECK_FALSE(found());
  w.run("a", {});
  CHECK(found() == 4242);
  w.root.write("/proc/4242/cmdline", std::string("sleep\0infinity", 14));  // somebody else's pid by now
  CHECK_FALSE(found());
  w.run("a", {});
  w.root.write("/proc/4242/stat", "");  // it has ended
  CHECK_FALSE(found());
  w.run("a", {});
  w.root.write("/run/libvirt/qemu/a.pid", "-1");
  CHECK_FALSE(found());
}

TEST_CASE("since when: today by the hour, else with the date") {
  const std::time_t now = std::time(nullptr);
  CHECK(since(now).size() == std::string("since 20:14").size());
  for (const std::time_t other : {now - 365 * 86400, now - 3 * 86400, now + 365 * 86400})
    CHECK(since(other).size() == std::string("since 2026-11-25 20:14").size());
}
