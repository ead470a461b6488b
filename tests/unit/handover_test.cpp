// prepare and release over the model of the kernel: what they do, and that they leave nothing half done.
#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "fakes/model_host.h"
#include "handover/device.h"
#include "handover/handover.h"
#include "handover/journal.h"

using namespace qh;
using namespace qh::handover;

namespace {

// A host with a three-function card, a NIC and a device that no driver wants.
struct World : fakes::ModelHost {
  World() {
    kernel.add_device({"0000:01:00.0", "10de:2484 1462:3909", "030000", "nvidia", "9"});
    kernel.add_device({"0000:01:00.1", "10de:228b 1462:3909", "040300", "snd_hda_intel", "9"});
    kernel.add_device({"0000:01:00.2", "10de:228c 1462:3909", "0c0330", "xhci_hcd", "9"});
    kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
    kernel.add_device({"0000:00:05.0", "1234:11e8 1af4:1100", "00ff00", "", "5"});
    kernel.add_device({"0000:00:1c.0", "8086:0001 8086:0000", "060400", "pcieport", "1"});
    ports.conf.deadlines.lock = Milliseconds{100};
  }

  Guest guest(const std::string& name, const std::vector<std::string>& addresses) {
    xml::Domain domain{name, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", {}, {}, {}};
    for (const auto& a : addresses)
      domain.devices.push_back({*parse_pci_address(a), xml::Source::hostdev, false});
    return make_guest(domain, {}, host);
  }
  Guest card(const std::string& name = "win10") {
    return guest(name, {"0000:01:00.0", "0000:01:00.1", "0000:01:00.2"});
  }

  std::vector<std::string> journals() const { return list_folder(root.path() + "/run/libvirt/qemu-hook"); }
};

}  // namespace

TEST_CASE("a card goes to its guest and comes back") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.card()).empty());
  for (const char* address : {"0000:01:00.0", "0000:01:00.1", "0000:01:00.2"})
    CHECK(w.kernel.driver(address) == "vfio-pci");
  CHECK(w.journals() == std::vector<std::string>{"win10.journal"});
  CHECK(w.libvirt.calls == std::vector<std::string>{"detach pci_0000_01_00_1", "detach pci_0000_01_00_2",
                                                    "detach pci_0000_01_00_0"});

  REQUIRE(release(w.ports, "win10").empty());
  CHECK(w.kernel.state() == before);
  CHECK(w.journals().empty());
}

TEST_CASE(
    "vfio-pci is loaded before the first unbind, and every host driver is off before libvirt is called") {
  World w;
  REQUIRE(prepare(w.ports, w.card()).empty());
  REQUIRE(w.faults.acts.size() == 7);
  CHECK(w.faults.acts[0] == "load vfio-pci");
  for (std::size_t i = 1; i <= 3; ++i) CHECK(w.faults.acts[i].find("/unbind") != std::string::npos);
  for (std::size_t i = 4; i <= 6; ++i) CHECK(w.faults.acts[i].substr(0, 6) == "detach");
}

TEST_CASE("the connection to libvirt is begun before the first host driver is asked to let go") {
  World w;
  REQUIRE(prepare(w.ports, w.card()).empty());
  REQUIRE(w.libvirt.opened_after);
  CHECK(*w.libvirt.opened_after == 1);
  CHECK(w.faults.acts[0] == "load vfio-pci");
  CHECK(w.faults.acts[1].find("/unbind") != std::string::npos);

  const std::size_t prepared = w.faults.acts.size();
  w.libvirt.opened_after.reset();
  REQUIRE(release(w.ports, "win10").empty());
  CHECK(w.libvirt.opened_after == prepared);
}

TEST_CASE("no connection to libvirt is begun that would not be used") {
  World w;
  SUBCASE("the conf wants sysfs alone") {
    w.ports.conf.backend = config::Backend::sysfs;
    REQUIRE(prepare(w.ports, w.card()).empty());
    REQUIRE(release(w.ports, "win10").empty());
  }
  SUBCASE("libvirt has given the devices back already") {
    REQUIRE(prepare(w.ports, w.card()).empty());
    for (const char* name : {"pci_0000_01_00_0", "pci_0000_01_00_1", "pci_0000_01_00_2"})
      REQUIRE(w.libvirt.reattach(name, Milliseconds{1000}));
    w.libvirt.opened_after.reset();
    REQUIRE(release(w.ports, "win10").empty());
  }
  SUBCASE("the start is refused") {
    CHECK_FALSE(prepare(w.ports, w.guest("win10", {"0000:09:00.0"})).empty());
  }
  CHECK_FALSE(w.libvirt.opened_after);
}

TEST_CASE("whatever step fails, the host is as before") {
  for (const bool libvirt : {true, false}) {
    for (const auto fault : {fakes::Fault::fails, fakes::Fault::hangs}) {
      for (int step = 0;; ++step) {
        World w;
        w.libvirt.available = libvirt;
        const std::string before = w.kernel.state();
        w.faults.at = step;
        w.faults.fault = fault;
        const auto errors = prepare(w.ports, w.card());
        if (w.faults.count <= step) {  // one past the last: nothing failed
          CHECK(step >= 7);
          CHECK(errors.empty());
          break;
        }
        CAPTURE(w.faults.acts[static_cast<std::size_t>(step)]);
        if (errors.empty()) {
          // A libvirt that does not answer is no failure: sysfs does the same.
          CHECK(fault == fakes::Fault::hangs);
          CHECK(w.kernel.driver("0000:01:00.0") == "vfio-pci");
          REQUIRE(release(w.ports, "win10").empty());
        }
        CHECK(w.kernel.state() == before);
        CHECK(w.journals().empty());
      }
    }
  }
}

TEST_CASE("killed anywhere in prepare, whoever comes next brings the host back") {
  const auto by_release = [](World& w) { return release(w.ports, "win10"); };
  const auto by_hand = [](World& w) { return repair(w.ports, "win10", {}); };
  const auto by_next_prepare = [](World& w) {
    auto errors = prepare(w.ports, w.card());
    return errors.empty() ? release(w.ports, "win10") : errors;
  };
  const std::vector<std::function<std::vector<Error>(World&)>> next{by_release, by_hand, by_next_prepare};
  for (const auto fault : {fakes::Fault::killed_before, fakes::Fault::killed_after}) {
    for (int step = 0; step < 7; ++step) {
      for (const auto& bring_back : next) {
        World w;
        const std::string before = w.kernel.state();
        w.faults.at = step;
        w.faults.fault = fault;
        CHECK_THROWS_AS((void)prepare(w.ports, w.card()), fakes::Killed);
        CHECK(w.journals().size() == 1);
        CHECK(bring_back(w).empty());
        CHECK(w.kernel.state() == before);
        CHECK(w.journals().empty());
      }
    }
  }
}

TEST_CASE("killed anywhere in release, the next one brings the host back") {
  for (const auto fault : {fakes::Fault::killed_before, fakes::Fault::killed_after}) {
    for (int step = 0;; ++step) {
      World w;
      w.libvirt.available = step % 2 == 0;
      const std::string before = w.kernel.state();
      REQUIRE(prepare(w.ports, w.card()).empty());
      w.faults.at = w.faults.count + step;
      w.faults.fault = fault;
      bool killed = false;
      try {
        const auto errors = release(w.ports, "win10");
        CHECK(errors.empty());
      } catch (const fakes::Killed&) {
        killed = true;
      }
      if (killed) {
        CHECK(w.journals().size() == 1);
        REQUIRE(release(w.ports, "win10").empty());
      }
      CHECK(w.kernel.state() == before);
      CHECK(w.journals().empty());
      if (!killed && step > 12) break;
    }
  }
}

TEST_CASE("a step of release that fails keeps the journal, and the other devices come back") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.card()).empty());
  w.faults.at = w.faults.count;  // the first reattach: 01:00.0, last in, first out
  w.faults.fault = fakes::Fault::fails;
  const auto errors = release(w.ports, "win10");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("0000:01:00.0") == 0);
  CHECK(w.kernel.driver("0000:01:00.0") == "vfio-pci");
  CHECK(w.kernel.driver("0000:01:00.1") == "snd_hda_intel");
  CHECK(w.journals().size() == 1);
  REQUIRE(repair(w.ports, "win10", {}).empty());
  CHECK(w.kernel.state() == before);
}

TEST_CASE("without libvirt the same is done through sysfs") {
  World w;
  w.libvirt.available = false;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.card()).empty());
  CHECK(w.kernel.driver("0000:01:00.0") == "vfio-pci");
  REQUIRE(release(w.ports, "win10").empty());
  CHECK(w.kernel.state() == before);

  SUBCASE("but not where only libvirt may do it") {
    w.ports.conf.backend = config::Backend::libvirt;
    CHECK(prepare(w.ports, w.card()).size() == 1);
    CHECK(w.kernel.state() == before);
    CHECK(w.journals().empty());
  }
}

TEST_CASE("what libvirt may still do late is waited for, and nobody does it meanwhile") {
  World w;
  const std::string before = w.kernel.state();
  const std::string name = "pci_0000_02_00_0";
  w.root.write("/proc/4321/stat", "4321 (qemu-hook) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0");
  w.libvirt.asked_by = 4321;
  w.ports.conf.deadlines.reattach = Milliseconds{20};
  w.faults.fault = fakes::Fault::hangs;
  const auto expect_owed = [&](const std::vector<Error>& errors) {
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].message ==
          "0000:02:00.0: libvirt was asked to move it, does not answer, and may still do it (process 4321 "
          "waits for the answer)");
    CHECK(errors[0].remedy.find("`qemu-hook --reattach`") != std::string::npos);
    CHECK(w.kernel.driver("0000:02:00.0") == "vfio-pci");
    CHECK(w.journals() == std::vector<std::string>{"a.journal"});
  };

  SUBCASE("a detach, for which sysfs stood in") {
    w.faults.at_act = "detach " + name;
    REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
    w.faults.fault = fakes::Fault::none;
    expect_owed(release(w.ports, "a"));
    std::filesystem::remove_all(w.root.path() + "/proc/4321");
    REQUIRE(w.libvirt.detach(name, Milliseconds{1}));
  }
  SUBCASE("a reattach, for which nothing stands in") {
    REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
    w.faults.at_act = "reattach " + name;
    const auto errors = release(w.ports, "a");
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].message.find("; it may still do it") != std::string::npos);
    w.faults.fault = fakes::Fault::none;
    expect_owed(repair(w.ports, "a", {}));
    std::filesystem::remove_all(w.root.path() + "/proc/4321");
    REQUIRE(w.libvirt.reattach(name, Milliseconds{1}));
  }
  REQUIRE(repair(w.ports, "a", {}).empty());
  CHECK(w.kernel.state() == before);
  CHECK(w.journals().empty());
}

TEST_CASE("what libvirt has answered is no reason to wait") {
  World w;
  w.root.write("/proc/4321/stat", "4321 (qemu-hook) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0");
  w.libvirt.asked_by = 4321;
  REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
  CHECK(release(w.ports, "a").empty());
}

namespace {

// What `call` says if a journal of the guest win10's appears while it waits for the lock that orders claims.
std::vector<Error> overtaken(World& w, const std::function<std::vector<Error>()>& call) {
  w.ports.conf.deadlines.lock = Milliseconds{5000};
  std::vector<Error> errors;
  // Nothing tells that it waits: another try with more time, if it did not yet.
  for (int pause = 30;
       pause < 4000 && (errors.empty() || errors[0].message.find(" just ") == std::string::npos);
       pause *= 4) {
    auto lock = lock_folder(w.host, Milliseconds{1000});
    std::thread late([&] { errors = call(); });
    std::this_thread::sleep_for(Milliseconds{pause});
    Record record;
    record.guest = "win10";
    record.since = 1;
    auto journal = Journal::create(w.host, record);
    lock->reset();
    late.join();
    REQUIRE(journal);
    REQUIRE(journal->remove());
  }
  return errors;
}

}  // namespace

TEST_CASE("a call for a guest that another call was faster with is refused") {
  World w;
  const std::string before = w.kernel.state();
  SUBCASE("--detach") {
    const auto errors = overtaken(w, [&] { return prepare(w.ports, w.card()); });
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].message == "the guest 'win10' is just being started or given back by another call");
    CHECK(w.kernel.state() == before);
  }
  SUBCASE("--reattach") {
    w.kernel.put_on_vfio("0000:02:00.0");
    const auto errors =
        overtaken(w, [&] { return repair(w.ports, "win10", {*parse_pci_address("0000:02:00.0")}); });
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].message == "the guest 'win10' is just starting");
    CHECK(w.kernel.driver("0000:02:00.0") == "vfio-pci");
  }
  CHECK(w.journals().empty());
}

TEST_CASE("only the driver that was measured is unbound") {
  World w;
  const auto address = *parse_pci_address("0000:02:00.0");
  w.kernel.put_on_vfio("0000:02:00.0");
  const auto taken = unbind_host_driver(w.ports, address, "e1000e");
  REQUIRE(!taken);
  CHECK(taken.error().message == "0000:02:00.0: vfio-pci has taken it from e1000e meanwhile");
  CHECK(w.kernel.driver("0000:02:00.0") == "vfio-pci");
  CHECK(unbind_host_driver(w.ports, address, "vfio-pci"));
}

TEST_CASE("a device that is on a VFIO driver already is not ours") {
  World w;
  w.kernel.put_on_vfio("0000:02:00.0");
  REQUIRE(w.kernel.driver("0000:02:00.0") == "vfio-pci");
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
  REQUIRE(release(w.ports, "a").empty());
  CHECK(w.kernel.state() == before);
  CHECK(w.faults.acts.empty());
}

TEST_CASE("a device without a driver, and an override that was set, come back as they were") {
  World w;
  w.kernel.write("bus/pci/devices/0000:02:00.0/driver_override", "e1000e");
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("a", {"0000:00:05.0", "0000:02:00.0"})).empty());
  CHECK(w.kernel.driver("0000:00:05.0") == "vfio-pci");
  CHECK(w.kernel.driver("0000:02:00.0") == "vfio-pci");
  REQUIRE(release(w.ports, "a").empty());
  CHECK(w.kernel.state() == before);
}

TEST_CASE("a device whose driver was unbound on purpose stays without one") {
  World w;
  w.kernel.write("bus/pci/drivers/e1000e/unbind", "0000:02:00.0");
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
  REQUIRE(release(w.ports, "a").empty());
  CHECK(w.kernel.state() == before);
}

TEST_CASE("a device that libvirt has given back already is not unbound again") {
  World w;
  REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
  w.kernel.write("bus/pci/devices/0000:02:00.0/driver_override", "\n");
  w.kernel.write("bus/pci/drivers/vfio-pci/unbind", "0000:02:00.0");
  w.kernel.write("bus/pci/drivers_probe", "0000:02:00.0");
  w.libvirt.calls.clear();
  REQUIRE(release(w.ports, "a").empty());
  CHECK(w.libvirt.calls.empty());
  CHECK(w.kernel.driver("0000:02:00.0") == "e1000e");
}

TEST_CASE("a host driver that does not come back by itself is bound, or the function rescanned") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
  w.kernel.refusing_drivers = {"e1000e"};
  const auto errors = release(w.ports, "a");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("e1000e does not take it back") != std::string::npos);
  CHECK(errors[0].remedy.find("modprobe e1000e") != std::string::npos);
  CHECK(w.journals().size() == 1);
  w.kernel.refusing_drivers.clear();
  REQUIRE(release(w.ports, "a").empty());
  CHECK(w.kernel.state() == before);
}

TEST_CASE("libvirt's success is no proof: vfio-pci that does not take the device is a failure, and undone") {
  World w;
  const std::string before = w.kernel.state();
  w.kernel.refusing_drivers = {"vfio-pci"};
  const auto errors = prepare(w.ports, w.guest("a", {"0000:02:00.0"}));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message == "0000:02:00.0: vfio-pci does not take it; it has no driver");
  CHECK(w.kernel.state() == before);
}

TEST_CASE("refusals change nothing and name device, reason and remedy") {
  World w;
  const std::string before = w.kernel.state();
  const auto refused = [&](const Guest& guest) {
    const auto errors = prepare(w.ports, guest);
    REQUIRE_FALSE(errors.empty());
    CHECK_FALSE(errors[0].remedy.empty());
    CHECK(w.kernel.state() == before);
    CHECK(w.faults.acts.empty());
    CHECK(w.journals().empty());
    return errors[0].message;
  };
  CHECK(refused(w.guest("a", {"0000:07:00.0"})) == "0000:07:00.0: there is no such device on this host");
  CHECK(refused(w.guest("a", {"0000:00:1c.0"})) ==
        "0000:00:1c.0: it is a bridge, which cannot be given to a guest");

  auto other = w.guest("a", {"0000:02:00.0"});
  other.devices[0].conf.identity = "10de:2484 1462:3909 030000";
  const auto message = refused(other);
  CHECK(message.find("8086:10d3") != std::string::npos);
  CHECK(message.find("which is now at 0000:01:00.0") != std::string::npos);
}

TEST_CASE("a device outside any IOMMU group is refused") {
  World w;
  w.kernel.add_device({"0000:03:00.0", "8086:1533 8086:0000", "020000", "igb", ""});
  const auto errors = prepare(w.ports, w.guest("a", {"0000:03:00.0"}));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message == "0000:03:00.0: it is in no IOMMU group");
}

TEST_CASE("a device of a running guest is refused, with its name") {
  World w;
  REQUIRE(prepare(w.ports, w.guest("first", {"0000:02:00.0"})).empty());
  w.root.write("/run/libvirt/qemu/first.pid", "4242");
  w.root.write("/proc/4242/stat", "4242 (qemu-system-x86) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9999 0 0");
  w.root.write("/proc/4242/cmdline", std::string("qemu\0-uuid\0004dea22b3-1d52-d8f3-2516-782e98ab3fa0", 47));
  const auto errors = prepare(w.ports, w.guest("second", {"0000:02:00.0"}));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("0000:02:00.0: the running guest 'first' has had it since ") == 0);
  CHECK(w.kernel.driver("0000:02:00.0") == "vfio-pci");
  CHECK(w.journals() == std::vector<std::string>{"first.journal"});
  SUBCASE("and cannot be taken from it by hand") {
    CHECK(repair(w.ports, "first", {}).size() == 1);
    CHECK(w.kernel.driver("0000:02:00.0") == "vfio-pci");
  }
}

TEST_CASE("what a guest left whose daemon is gone is given back to the next one that wants it") {
  World w;
  REQUIRE(prepare(w.ports, w.guest("first", {"0000:02:00.0"})).empty());
  const std::string parent = std::to_string(::getppid());
  w.root.write("/proc/" + parent + "/stat",
               parent + " (libvirtd) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4712 0 0");
  w.ports.daemon = *host::find_calling_daemon(w.host);
  REQUIRE(prepare(w.ports, w.guest("second", {"0000:02:00.0"})).empty());
  CHECK(w.journals() == std::vector<std::string>{"second.journal"});
  CHECK(w.kernel.driver("0000:02:00.0") == "vfio-pci");
}

TEST_CASE("a device that is gone when the guest ends counts as given back") {
  World w;
  REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
  w.kernel.write("bus/pci/devices/0000:02:00.0/remove", "1");
  CHECK(release(w.ports, "a").empty());
  CHECK(w.journals().empty());
}

TEST_CASE(
    "a device that comes back while its last user is waited for is not taken from its driver once more") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("a", {"0000:02:00.0"})).empty());
  w.root.write("/dev/vfio/" + w.guest("a", {"0000:02:00.0"}).devices[0].present->iommu_group, "busy");
  std::thread by_hand([&] {
    std::this_thread::sleep_for(Milliseconds{200});
    w.kernel.write("bus/pci/devices/0000:02:00.0/driver_override", "\n");
    w.kernel.write("bus/pci/drivers/vfio-pci/unbind", "0000:02:00.0");
    w.kernel.write("bus/pci/drivers_probe", "0000:02:00.0");
  });
  const auto errors = release(w.ports, "a");
  by_hand.join();
  CHECK(errors.empty());
  CHECK(w.kernel.state() == before);
  CHECK(w.libvirt.calls == std::vector<std::string>{"detach pci_0000_02_00_0"});
}

TEST_CASE("a device that another driver has had for longer is not taken from the host's network") {
  World w;
  const std::string nic = "0000:02:00.0";
  std::string other = "e1000e", had = "no driver";
  SUBCASE("than none") {
    w.kernel.write("bus/pci/drivers/e1000e/unbind", nic);
  }
  SUBCASE("than its own") {
    other = "another";
    had = "e1000e";
    w.kernel.add_driver(other);
  }
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.guest("a", {nic})).empty());
  w.kernel.write("bus/pci/drivers/vfio-pci/unbind", nic);
  w.kernel.write("bus/pci/devices/" + nic + "/driver_override", other);
  w.kernel.write("bus/pci/drivers_probe", nic);
  w.kernel.write("bus/pci/devices/" + nic + "/driver_override", "\n");
  REQUIRE(w.kernel.driver(nic) == other);
  w.root.write("/sys/devices/pci0000:00/" + nic + "/net/eth0/operstate", "up");
  w.root.write("/sys/class/net/.keep", "");
  std::filesystem::create_directory_symlink("../../devices/pci0000:00/" + nic + "/net/eth0",
                                            w.root.path() + "/sys/class/net/eth0");
  w.root.write("/proc/net/route", "Iface\neth0 00000000 0102A8C0 0003 0 0 100 00000000 0 0 0\n");
  const auto errors = repair(w.ports, "a", {});
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message ==
        nic + ": it had " + had + " before, and " + other +
            " has taken it: the host's network needs it: eth0 carries the default route");
  CHECK(errors[0].remedy ==
        "move that to another interface first; `qemu-hook --reattach` then takes it from " + other);
  CHECK(w.kernel.driver(nic) == other);

  w.root.write("/proc/net/route", "");
  CHECK(repair(w.ports, "a", {}).empty());
  CHECK(w.kernel.state() == before);
}

TEST_CASE("release without a journal does nothing") {
  World w;
  w.kernel.add_driver("vfio-pci");
  const std::string before = w.kernel.state();
  CHECK(release(w.ports, "nobody").empty());
  CHECK(w.kernel.state() == before);
  CHECK(w.faults.acts.empty());
}

TEST_CASE("by hand, without a journal: only what was put on vfio-pci at run time") {
  World w;
  w.kernel.put_on_vfio("0000:02:00.0");
  CHECK(
      repair(w.ports, "a", {*parse_pci_address("0000:02:00.0"), *parse_pci_address("0000:01:00.0")}).empty());
  CHECK(w.kernel.driver("0000:02:00.0") == "e1000e");
  CHECK(w.libvirt.calls == std::vector<std::string>{"reattach pci_0000_02_00_0"});
}

TEST_CASE("a damaged journal: prepare and release say what to do, by hand the devices come back") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.card()).empty());
  const std::string file = "/run/libvirt/qemu-hook/win10.journal";
  std::string text = w.root.read(file);
  SUBCASE("scribbled on in the middle") {
    text.replace(text.find("since"), 5, "\x01\xff#!?");
  }
  SUBCASE("cut after its first line") {
    text.resize(text.find('\n') + 1);
  }
  SUBCASE("emptied") {
    text.clear();
  }
  w.root.write(file, text);
  for (const auto& errors : {release(w.ports, "win10"), prepare(w.ports, w.card())}) {
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].message.find("is damaged") != std::string::npos);
    CHECK(errors[0].remedy.find("qemu-hook --reattach") != std::string::npos);
  }
  CHECK(repair(w.ports, "win10", w.card().addresses()).empty());
  CHECK(w.kernel.state() == before);
  CHECK(w.journals().empty());
}

TEST_CASE("a damaged journal: what was unplugged and given back is its next owner's") {
  World w;
  REQUIRE(prepare(w.ports, w.guest("first", {"0000:02:00.0"})).empty());
  const std::string file = "/run/libvirt/qemu-hook/first.journal";
  const std::string text = w.root.read(file);
  REQUIRE(release(w.ports, "first").empty());
  REQUIRE(prepare(w.ports, w.guest("second", {"0000:02:00.0"})).empty());
  w.root.write(file, text + "returned 0000:02:00.0\n\x01\n");
  CHECK(repair(w.ports, "first", {}).empty());
  CHECK(w.kernel.driver("0000:02:00.0") == "vfio-pci");
  CHECK(w.journals() == std::vector<std::string>{"second.journal"});
}

TEST_CASE("a journal whose last line was cut short is whole up to there") {
  World w;
  const std::string before = w.kernel.state();
  REQUIRE(prepare(w.ports, w.card()).empty());
  const std::string file = "/run/libvirt/qemu-hook/win10.journal";
  std::string text = w.root.read(file);
  text.resize(text.size() - 3);
  w.root.write(file, text);
  CHECK(release(w.ports, "win10").empty());
  CHECK(w.kernel.state() == before);
}

TEST_CASE("who detaches what: hostdev always, interfaces and NVMe disks only when libvirt does not") {
  World w;
  auto guest = w.guest("a", {"0000:02:00.0"});
  auto& d = guest.devices[0];
  const auto ours = [&](xml::Source source, bool managed, config::Detach detach = config::Detach::automatic) {
    d.wanted.source = source;
    d.wanted.managed = managed;
    d.conf.detach = detach;
    return d.is_ours();
  };
  CHECK(ours(xml::Source::hostdev, true));
  CHECK(ours(xml::Source::hostdev, false));
  CHECK(ours(xml::Source::interface, false));
  CHECK_FALSE(ours(xml::Source::interface, true));
  CHECK(ours(xml::Source::disk, false));
  CHECK_FALSE(ours(xml::Source::disk, true));
  CHECK(ours(xml::Source::disk, true, config::Detach::always));
  CHECK_FALSE(ours(xml::Source::hostdev, false, config::Detach::never));
}
