// Resets between two owners, and devices that the hook takes off the bus: over the model of the kernel.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "core/contains.h"
#include "core/text.h"
#include "fakes/model_host.h"
#include "handover/handover.h"
#include "handover/journal.h"
#include "handover/reset.h"

using namespace qh;
using namespace qh::handover;
using config::Reset;

namespace {

constexpr char nic[] = "0000:02:00.0";
constexpr char function[] = "0000:04:00.1";  // a virtual one

struct World : fakes::ModelHost {
  World() {
    kernel.add_device({nic, "8086:10d3 8086:0000", "020000", "e1000e", "10"});
    kernel.add_device({"0000:04:00.0", "8086:10fb 8086:0000", "020000", "ixgbe", "11"});
    kernel.add_device(
        {function, "8086:10ed 8086:0000", "020000", "ixgbevf", "12", "flr", {}, "0000:04:00.0"});
    ports.conf.deadlines.lock = Milliseconds{100};
    log.listener = [this](int, const std::string& text) { said += text + "\n"; };
    before = kernel.state();
  }

  Guest guest(const std::string& name, const std::string& address) {
    xml::Domain domain{name, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", {}, {}, {}};
    domain.devices.push_back({*parse_pci_address(address), xml::Source::hostdev, false});
    return make_guest(domain, {}, host);
  }

  void start(const std::string& address) {
    const auto errors = prepare(ports, guest("a", address));
    REQUIRE(errors.empty());
    REQUIRE(kernel.driver(address) == "vfio-pci");
    faults.acts.clear();
    sysfs.asked.clear();
    libvirt.calls.clear();
  }
  // What libvirt calls when QEMU is gone.
  void stop(const std::string& address, Reset reset) {
    config::GuestConf conf;
    conf.guest = "a";
    conf.devices.push_back({*parse_pci_address(address), {}, {}, reset});
    reset_devices(ports, conf);
  }
  std::vector<Error> end() { return release(ports, "a"); }

  std::string journal() const { return root.read("/run/libvirt/qemu-hook/a.journal"); }
  bool has_said(const std::string& text) const { return said.find(text) != std::string::npos; }
  std::string methods(const std::string& address) const {
    return std::string(trimmed(root.read("/sys/bus/pci/devices/" + address + "/reset_method")));
  }
  bool is_back() const { return kernel.state() == before && journal().empty(); }

  std::string said, before;
};

std::string device_file(const std::string& address, const std::string& attribute) {
  return "bus/pci/devices/" + address + "/" + attribute;
}

}  // namespace

TEST_CASE("the reset that the conf asks for is done on vfio-pci, and the kernel's list is as it was") {
  World w;
  w.start(nic);
  w.stop(nic, Reset::bus);
  CHECK(w.kernel.resets == std::vector<std::string>{"0000:02:00.0 bus"});
  CHECK(w.methods(nic) == "flr bus");
  CHECK(w.has_said("0000:02:00.0: reset (bus) ("));
  CHECK(w.kernel.driver(nic) == "vfio-pci");
  CHECK(w.end().empty());
  CHECK(w.is_back());
}

TEST_CASE("a virtual function is reset by flr, and what its vendor ID reads says nothing about it") {
  for (const Reset reset : {Reset::flr, Reset::automatic}) {
    World w;
    for (int life = 0; life < 2; ++life) {
      w.start(function);
      w.stop(function, reset);
      CHECK(w.kernel.resets.size() == static_cast<std::size_t>(life) + 1);
      CHECK(w.kernel.resets.back() == "0000:04:00.1 flr");
      CHECK_FALSE(w.has_said("does not answer"));
      CHECK(w.end().empty());
      CHECK(w.is_back());
    }
  }
}

TEST_CASE("auto resets no device after a clean end, which stands at the end of a log of any size") {
  const std::string clean = "2026-01-01: shutting down, reason=shutdown\n",
                    crash = "2026-01-01: shutting down, reason=crashed\n", much(2U << 20U, '\n');
  for (const bool ends_cleanly : {true, false})
    for (const std::string& between : {std::string(), much}) {
      World w;
      w.start(function);
      w.root.write("/var/log/libvirt/qemu/a.log",
                   ends_cleanly ? crash + between + clean : clean + between + crash);
      w.stop(function, Reset::automatic);
      CHECK(w.kernel.resets.empty() == ends_cleanly);
      CHECK(w.end().empty());
    }
}

TEST_CASE("any other reset of a virtual function is refused, and it stays on the bus") {
  for (const Reset reset : {Reset::pm, Reset::bus, Reset::device_specific, Reset::remove_rescan}) {
    World w;
    w.start(function);
    w.stop(function, reset);
    CHECK(w.has_said("0000:04:00.1: no reset: a virtual function can only be reset by flr, not by " +
                     std::string(to_string(reset))));
    CHECK(w.faults.acts.empty());
    CHECK(w.end().empty());
    CHECK(w.is_back());
  }
}

TEST_CASE("a virtual function without flr is not reset at all") {
  World w;
  w.kernel.add_device(
      {"0000:04:00.2", "8086:10ed 8086:0000", "020000", "ixgbevf", "13", "pm", {}, "0000:04:00.0"});
  w.before = w.kernel.state();
  w.start("0000:04:00.2");
  w.stop("0000:04:00.2", Reset::automatic);
  CHECK(w.has_said("0000:04:00.2: no reset: the kernel has no flr for it (it has: pm)"));
  CHECK(w.kernel.resets.empty());
  CHECK(w.methods("0000:04:00.2") == "pm");
  CHECK(w.end().empty());
  CHECK(w.is_back());
}

TEST_CASE("a virtual function whose driver does not take it back stays on the bus") {
  World w;
  w.start(function);
  w.kernel.refusing_drivers = {"ixgbevf"};
  const auto errors = w.end();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("0000:04:00.1: its host driver ixgbevf does not take it back") == 0);
  CHECK(errors[0].remedy.find("/sys/bus/pci/devices/0000:04:00.0/sriov_numvfs") != std::string::npos);
  CHECK(w.root.exists("/sys/bus/pci/devices/0000:04:00.1/modalias"));
  w.kernel.refusing_drivers.clear();
  CHECK(w.end().empty());
  CHECK(w.is_back());
}

TEST_CASE("after a reset that does not return nothing touches the device any more") {
  for (const char* act : {"/reset_method", "/reset 1"}) {
    CAPTURE(act);
    World w;
    w.start(nic);
    w.faults.at_act = device_file(nic, act + 1);
    w.faults.fault = fakes::Fault::hangs;
    w.stop(nic, Reset::flr);
    CHECK(w.faults.acts.back().find(act) != std::string::npos);
    CHECK_FALSE(contains(w.sysfs.asked, device_file(nic, "config")));
    CHECK(w.has_said("0000:02:00.0: the reset (flr) did not return"));
    CHECK(w.journal().find("\ndead 0000:02:00.0\n") != std::string::npos);
  }
}

TEST_CASE("a device that does not answer is asked again when it is to be given back") {
  World w;
  w.start(nic);
  w.kernel.lost_by_reset = {nic};
  w.stop(nic, Reset::flr);
  CHECK(w.has_said("0000:02:00.0: it does not answer after the reset"));
  for (const auto& errors : {w.end(), prepare(w.ports, w.guest("a", nic)), repair(w.ports, "a", {})}) {
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].message.find("0000:02:00.0: it does not answer") == 0);
    CHECK(errors[0].remedy.find("qemu-hook --reattach") != std::string::npos);
    CHECK(w.kernel.driver(nic) == "vfio-pci");
  }
  SUBCASE("the host has slept") {
    w.kernel.set_answering(nic, true);
    CHECK(repair(w.ports, "a", {}).empty());
    CHECK(w.is_back());
  }
  SUBCASE("it was pulled out") {
    w.kernel.pull(nic);
    CHECK(w.end().empty());
    CHECK(w.journal().empty());
  }
}

TEST_CASE("a device whose reset still hangs is not even asked") {
  World w;
  w.start(nic);
  w.root.write("/proc/4242/stat", "4242 (qemu-hook) D 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4712 0 0");
  w.faults.at_act = device_file(nic, "reset 1");
  w.faults.fault = fakes::Fault::hangs;
  w.faults.stuck_pid = 4242;
  w.stop(nic, Reset::flr);
  w.faults.fault = fakes::Fault::none;
  w.sysfs.asked.clear();
  const auto errors = w.end();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("0000:02:00.0: its reset has still not returned (process 4242 waits") == 0);
  CHECK_FALSE(contains(w.sysfs.asked, device_file(nic, "config")));
  std::filesystem::remove_all(w.root.path() + "/proc/4242");
  CHECK(w.end().empty());
  CHECK(w.is_back());
}

TEST_CASE("a device that another guest has by now is not reset") {
  World w;
  w.start(nic);
  // Plugged into a running guest, by way of `--detach`.
  std::string other = w.journal();
  other.replace(other.find("guest a"), 7, "guest b");
  w.root.write("/run/libvirt/qemu-hook/b.journal", other);
  for (const Reset reset : {Reset::flr, Reset::remove_rescan}) w.stop(nic, reset);
  CHECK(w.has_said("0000:02:00.0: no reset: the guest 'b' has it"));
  CHECK(w.faults.acts.empty());
}

TEST_CASE("a method that came after the device was found is taken") {
  World w;
  w.kernel.pull(nic);
  w.kernel.add_device({nic, "1002:67df 1002:0000", "030000", "e1000e", "10", "pm bus", "device_specific"});
  w.before = w.kernel.state();
  w.start(nic);
  w.stop(nic, Reset::device_specific);
  CHECK(w.kernel.resets == std::vector<std::string>{"0000:02:00.0 device_specific"});
  CHECK(w.methods(nic) == "pm bus");
  w.stop(nic, Reset::flr);
  CHECK(w.has_said("0000:02:00.0: no reset: the kernel has no flr for it (it has: pm bus)"));
  CHECK(w.kernel.resets.size() == 1);
  CHECK(w.end().empty());
  CHECK(w.is_back());
}

TEST_CASE("removed and rescanned when it is given back: no host driver has it before") {
  World w;
  w.kernel.write(device_file(nic, "driver_override"), "e1000e");
  w.before = w.kernel.state();
  w.start(nic);
  w.stop(nic, Reset::remove_rescan);
  CHECK(w.faults.acts.empty());
  CHECK(w.kernel.driver(nic) == "vfio-pci");
  CHECK(w.end().empty());
  CHECK(w.libvirt.calls.empty());
  REQUIRE(w.faults.acts.size() >= 2);
  CHECK(w.faults.acts[0] == "write bus/pci/devices/0000:02:00.0/remove 1");
  CHECK(w.faults.acts[1] == "write bus/pci/rescan 1");
  CHECK(w.has_said("0000:02:00.0: reset (remove-rescan) ("));
  CHECK(w.is_back());
}

TEST_CASE("a host driver that only the driver_override brings takes its device back after a rescan too") {
  for (const bool asked_for : {true, false}) {  // false: the last resort for a driver that refuses
    CAPTURE(asked_for);
    World w;
    w.kernel.add_driver("pci-stub");
    w.kernel.write(device_file(nic, "driver_override"), "pci-stub");
    w.kernel.write("bus/pci/drivers/e1000e/unbind", nic);
    w.kernel.write("bus/pci/drivers_probe", nic);
    REQUIRE(w.kernel.driver(nic) == "pci-stub");
    w.before = w.kernel.state();
    w.start(nic);
    if (asked_for) w.stop(nic, Reset::remove_rescan);
    if (!asked_for) w.kernel.refusing_drivers = {"pci-stub"};
    w.kernel.rescan_helps = true;
    CHECK(w.end().empty());
    CHECK(contains(w.faults.acts, "write bus/pci/rescan 1"));
    CHECK(w.is_back());
  }
}

TEST_CASE("a device that is not given back is not removed and rescanned") {
  World w;
  w.kernel.put_on_vfio(nic);
  w.before = w.kernel.state();
  w.start(nic);
  w.stop(nic, Reset::remove_rescan);
  CHECK(w.has_said("0000:02:00.0: no reset: remove-rescan is part of giving a device back"));
  CHECK(w.end().empty());
  CHECK(w.is_back());
  CHECK(w.faults.acts.empty());
}

TEST_CASE("cut off anywhere in a release that removes a device, the next one finds it again") {
  using fakes::Fault;
  for (const bool asked_for : {true, false}) {  // false: the last resort for a driver that refuses
    for (const Fault fault : {Fault::fails, Fault::hangs, Fault::killed_before, Fault::killed_after}) {
      for (int step = 0;; ++step) {
        CAPTURE(asked_for);
        CAPTURE(step);
        World w;
        w.kernel.write(device_file(nic, "driver_override"), "e1000e");
        w.before = w.kernel.state();
        w.start(nic);
        if (asked_for) w.stop(nic, Reset::remove_rescan);
        if (!asked_for) w.kernel.refusing_drivers = {"e1000e"};
        w.kernel.rescan_helps = true;
        w.faults.at = w.faults.count + step;
        w.faults.fault = fault;
        bool killed = false;
        std::vector<Error> errors;
        try {
          errors = w.end();
        } catch (const fakes::Killed&) {
          killed = true;
        }
        if (killed || !errors.empty()) {
          CHECK_FALSE(w.journal().empty());
          w.faults.fault = Fault::none;
          w.kernel.refusing_drivers.clear();
          REQUIRE(w.end().empty());
        }
        CHECK(w.is_back());
        if (w.faults.count <= w.faults.at) break;
      }
    }
  }
}

TEST_CASE("a device that the hook removed and no rescan finds is a failure; one that was pulled out is not") {
  World w;
  w.start(nic);
  w.stop(nic, Reset::remove_rescan);
  bool removed_by_us = true;
  SUBCASE("removed by the hook") {
    w.faults.at_act = "bus/pci/rescan";
    w.faults.fault = fakes::Fault::fails;
    REQUIRE(w.end().size() == 1);
    w.faults.fault = fakes::Fault::none;
  }
  SUBCASE("pulled out by somebody") {
    removed_by_us = false;
  }
  w.kernel.pull(nic);
  const auto errors = w.end();
  if (!removed_by_us) {
    CHECK(errors.empty());
    CHECK(w.journal().empty());
    return;
  }
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find(
            "0000:02:00.0: qemu-hook removed it from the bus, and a rescan does not find it") == 0);
  CHECK_FALSE(errors[0].remedy.empty());
  w.kernel.add_device({nic, "8086:10d3 8086:0000", "020000", "e1000e", "10"});
  CHECK(w.end().empty());
  CHECK(w.is_back());
}
