// The guest that gets the card with the console: what makes way for it and comes back, over the models of the
// kernel and of a desktop.
#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/text.h"
#include "fakes/hosts.h"
#include "fakes/model_host.h"
#include "handover/assessment.h"
#include "handover/gpu.h"
#include "handover/handover.h"
#include "handover/journal.h"
#include "host/services/services.h"

using namespace qh;
using namespace qh::handover;

namespace {

constexpr char uuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
constexpr char node[] = "/dev/dri/card0";

// A host with one NVIDIA card, on which everything is that there can be.
struct World : fakes::ModelHost {
  explicit World(bool has_desktop = true) {
    kernel.add_module("nvidia");
    kernel.add_module("nvidia_modeset", "nvidia");
    kernel.add_module("nvidia_drm", "nvidia_modeset");
    kernel.add_module("nvidia_uvm", "nvidia");
    kernel.add_device({"0000:01:00.0", "10de:2484 1462:3909", "030000", "nvidia", "9"});
    kernel.add_device({"0000:01:00.1", "10de:228b 1462:3909", "040300", "snd_hda_intel", "9"});
    kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
    root.write("/sys/bus/pci/devices/0000:01:00.0/boot_vga", "1\n");
    kernel.add_console("vtcon0", "(S) dummy device", false);
    kernel.add_console("vtcon1", "(M) frame buffer device", true);
    root.write("/run/systemd/system/.keep", "");
    ports.conf.deadlines.lock = ports.conf.deadlines.holders = ports.conf.deadlines.display_manager =
        Milliseconds{40};
    if (has_desktop) add_desktop();
  }

  void add_desktop() {
    services.add_display_manager("gdm.service", node);
    services.add_session("2", "1000", "seat0");
    services.add_session("5", "1000", "");  // the same user over ssh
    services.add_process(400, "gnome-shell", "/user.slice/user-1000.slice/session-2.scope", node);
    services.add_process(401, "Xwayland", "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope",
                         node);
    services.add_process(402, "systemd-logind", "/system.slice/systemd-logind.service", "");
    services.add_process(500, "bash", "/user.slice/user-1000.slice/session-5.scope", "");
    services.running["nvidia-persistenced.service"] = true;
    services.add_process(600, "nvidia-persistenced", "/system.slice/nvidia-persistenced.service", node);
    services.persistence["0000:01:00.0"] = true;
  }

  Guest guest(const std::vector<std::string>& addresses = {"0000:01:00.0", "0000:01:00.1"}) {
    xml::Domain domain{"win10", uuid, {}, {}, {}};
    for (const auto& a : addresses)
      domain.devices.push_back({*parse_pci_address(a), xml::Source::hostdev, false});
    return make_guest(domain, {}, host);
  }
  std::vector<Error> prepare() { return handover::prepare(ports, guest()); }

  // What must be as before; sessions that ended stay ended.
  std::string state() const { return kernel.state() + services.state(); }
  std::vector<std::string> journals() const { return list_folder(root.path() + "/run/libvirt/qemu-hook"); }
  std::vector<std::string> planned() {
    std::vector<std::string> lines;
    const auto steps = assess(host, services, guest()).plan;
    for (const auto& s : steps) lines.push_back(to_line(s.step));
    return lines;
  }
};

bool any_has(const std::vector<std::string>& lines, const std::string& text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const auto& l) { return l.find(text) != std::string::npos; });
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("the one card: everything on it makes way, in this order, and comes back in the reverse") {
  World w;
  const std::string before = w.state();
  CHECK(w.planned() ==
        Lines{"load-module vfio-pci", "end-persistence 0000:01:00.0",
              "inhibit-sleep qemu-hook-awake-4dea22b3-1d52-d8f3-2516-782e98ab3fa0.service",
              "stop-display-manager gdm.service 0000:01:00.0",
              "end-sessions 0000:01:00.0 0000:01:00.1 for 1000", "stop-service nvidia-persistenced.service",
              "wait-for-holders 0000:01:00.0 0000:01:00.1", "unbind-console vtcon1 0000:01:00.0",
              "unload-module nvidia_drm", "unload-module nvidia_modeset", "unload-module nvidia_uvm",
              "unbind 0000:01:00.1 snd_hda_intel -", "unbind 0000:01:00.0 nvidia -",
              "detach 0000:01:00.1 snd_hda_intel -", "detach 0000:01:00.0 nvidia -",
              "unload-module-if-free nvidia"});
  CHECK(w.state() == before);  // a plan changes nothing

  REQUIRE(w.prepare().empty());
  CHECK(w.kernel.driver("0000:01:00.0") == "vfio-pci");
  CHECK_FALSE(w.kernel.has_module("nvidia"));
  CHECK_FALSE(w.services.is_running("gdm.service"));
  CHECK(w.services.awake.size() == 1);
  CHECK(w.root.read("/sys/class/vtconsole/vtcon1/bind") == "0\n");
  for (const char* gone : {"300", "400", "401", "600"})
    CHECK_FALSE(w.root.exists(std::string("/proc/") + gone));
  CHECK(w.root.exists("/proc/500"));  // whoever came over ssh stays
  CHECK(w.root.exists("/proc/402"));

  w.faults.acts.clear();
  REQUIRE(release(w.ports, "win10").empty());
  CHECK(w.state() == before);
  CHECK(w.journals().empty());
  CHECK(w.faults.acts == Lines{"load nvidia", "reattach pci_0000_01_00_0", "reattach pci_0000_01_00_1",
                               "load nvidia_uvm", "load nvidia_modeset", "load nvidia_drm",
                               "write class/vtconsole/vtcon1/bind 1", "start nvidia-persistenced.service",
                               "start gdm.service", "let sleep", "persistence on"});
}

TEST_CASE("a second NVIDIA card in persistence mode leaves it before the unbind, and enters it again") {
  World w(false);
  w.kernel.add_device({"0000:03:00.0", "10de:2484 1462:3909", "030200", "nvidia", "12"});
  w.kernel.add_device({"0000:04:00.0", "10de:2484 1462:3909", "030200", "nvidia", "13"});
  w.root.write("/proc/driver/nvidia/gpus/0000:03:00.0/information", "Device Minor: \t 1\n");
  w.services.running["nvidia-persistenced.service"] = true;
  w.services.add_process(600, "nvidia-persistenced", "/system.slice/nvidia-persistenced.service",
                         "/dev/nvidia1");
  const auto guest = w.guest({"0000:03:00.0", "0000:04:00.0"});
  // It is open, and not for the persistence mode: whoever it is has to close it.
  CHECK(prepare(w.ports, guest).size() == 1);
  w.services.persistence["0000:03:00.0"] = true;
  const std::string before = w.state();
  w.faults.acts.clear();
  REQUIRE(prepare(w.ports, guest).empty());
  CHECK(w.faults.acts.front() == "load vfio-pci");
  CHECK(w.faults.acts[1] == "persistence off");
  CHECK(w.services.is_running("nvidia-persistenced.service"));
  w.faults.acts.clear();
  REQUIRE(release(w.ports, "win10").empty());
  CHECK(w.faults.acts.back() == "persistence on");
  CHECK(w.state() == before);
}

TEST_CASE(
    "an init system that cannot be told to stop the desktop refuses the start, before the desktop ends") {
  World w;
  std::filesystem::remove_all(w.root.path() + "/run/systemd/system");
  const std::string before = w.state();
  const auto errors = w.prepare();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message ==
        "0000:01:00.0: Xorg (process 300, gdm.service) has /dev/dri/card0 open, and this host's init system "
        "is neither "
        "systemd nor OpenRC, so qemu-hook cannot stop the desktop");
  CHECK(w.state() == before);
  CHECK(w.journals().empty());
  w.root.write("/run/openrc/started/gdm", "");
  CHECK(w.prepare().empty());
}

TEST_CASE("what goes down with the display manager comes back after it") {
  World w;
  w.services.running["x11vnc.service"] = w.services.running["kiosk.service"] = true;
  w.services.part_of = {{"x11vnc.service", "gdm.service"}, {"off.service", "gdm.service"}};
  const std::string before = w.state();
  const auto planned = w.planned();
  CHECK(any_has(planned, "stop-service x11vnc.service"));
  CHECK_FALSE(any_has(planned, "off.service"));
  CHECK_FALSE(any_has(planned, "kiosk.service"));

  REQUIRE(w.prepare().empty());
  CHECK_FALSE(w.services.is_running("x11vnc.service"));
  CHECK(w.services.is_running("kiosk.service"));
  w.faults.acts.clear();
  REQUIRE(release(w.ports, "win10").empty());
  CHECK(w.state() == before);
  const auto at = [&](const char* act) {
    return std::find(w.faults.acts.begin(), w.faults.acts.end(), act) - w.faults.acts.begin();
  };
  CHECK(at("start gdm.service") < at("start x11vnc.service"));
  CHECK(at("start x11vnc.service") < std::ssize(w.faults.acts));
}

TEST_CASE("whatever fails or hangs after the desktop is gone, it comes back") {
  for (const auto fault : {fakes::Fault::fails, fakes::Fault::hangs}) {
    for (int act = 0;; ++act) {
      World w;
      const std::string before = w.state();
      w.faults.at = act;
      w.faults.fault = fault;
      const auto errors = w.prepare();
      if (w.faults.count <= act) {
        CHECK(act == 16);
        break;
      }
      CAPTURE(w.faults.acts[static_cast<std::size_t>(act)]);
      if (errors.empty()) REQUIRE(release(w.ports, "win10").empty());  // not all of them are needed
      CHECK(w.state() == before);
      CHECK(w.journals().empty());
    }
  }
}

TEST_CASE("a console that the kernel does not bind again comes with the card's driver") {
  for (int act = 0;; ++act) {
    World w;
    for (const char* module : {"nvidia_drm", "nvidia_modeset", "nvidia_uvm"}) w.kernel.remove_module(module);
    w.kernel.node_needs.clear();
    w.kernel.reload_module("nvidia");
    w.kernel.has_system_console = false;
    const std::string before = w.state();
    REQUIRE(before.find("vtcon1 1") != std::string::npos);
    w.faults.at = act;
    w.faults.fault = fakes::Fault::fails;
    const auto errors = w.prepare();
    if (w.faults.count <= act) break;
    CAPTURE(w.faults.acts[static_cast<std::size_t>(act)]);
    if (errors.empty()) REQUIRE(release(w.ports, "win10").empty());
    CHECK(w.state() == before);
    CHECK(w.journals().empty());
  }
}

TEST_CASE("a console that nothing can bring back is a warning that names the card") {
  World model;
  REQUIRE(model.prepare().empty());
  const auto& acts = model.faults.acts;
  const auto unload = std::find(acts.begin(), acts.end(), "unload nvidia_drm");
  REQUIRE(unload != acts.end());

  World w;
  w.kernel.has_system_console = false;
  std::string warnings;
  w.log.listener = [&](int priority, const std::string& text) {
    if (priority == LOG_WARNING) warnings += text + "\n";
  };
  w.faults.at = static_cast<int>(unload - acts.begin());  // the module stays, and uses the card's driver
  w.faults.fault = fakes::Fault::fails;
  CHECK_FALSE(w.prepare().empty());
  CHECK_MESSAGE(warnings.find("0000:01:00.0: the text console vtcon1 stays dark: ") != std::string::npos,
                warnings);
}

TEST_CASE("killed anywhere on the way, whoever comes next brings the desktop back") {
  const std::vector<std::function<std::vector<Error>(World&)>> next{
      [](World& w) { return release(w.ports, "win10"); },
      [](World& w) { return repair(w.ports, "win10", {}); },
      [](World& w) {
        auto errors = w.prepare();
        return errors.empty() ? release(w.ports, "win10") : errors;
      }};
  for (const auto fault : {fakes::Fault::killed_before, fakes::Fault::killed_after}) {
    for (int act = 0;; ++act) {
      World w;
      const std::string before = w.state();
      w.faults.at = act;
      w.faults.fault = fault;
      bool killed = false;
      try {
        const bool prepared = w.prepare().empty();  // a CHECK around it would catch the death
        const bool released = release(w.ports, "win10").empty();
        CHECK((prepared && released));
      } catch (const fakes::Killed&) {
        killed = true;
        CHECK(w.journals().size() == 1);
        CAPTURE(w.faults.acts.back());
        CHECK(next[static_cast<std::size_t>(act) % next.size()](w).empty());
      }
      CHECK(w.state() == before);
      CHECK(w.journals().empty());
      if (!killed) {
        CHECK(act == 27);
        break;
      }
    }
  }
}

TEST_CASE("without a desktop: only what the kernel has on the card") {
  World w(false);
  const std::string before = w.state();
  const auto lines = w.planned();
  CHECK_FALSE(any_has(lines, "display-manager"));
  CHECK_FALSE(any_has(lines, "end-sessions"));
  CHECK_FALSE(any_has(lines, "service "));
  CHECK(any_has(lines, "wait-for-holders 0000:01:00.0 0000:01:00.1"));
  CHECK(any_has(lines, "unbind-console vtcon1"));
  REQUIRE(w.prepare().empty());
  REQUIRE(release(w.ports, "win10").empty());
  CHECK(w.state() == before);
}

TEST_CASE("a session without a display manager, by startx, ends too") {
  World w(false);
  w.services.add_session("1", "1000", "seat0");
  w.services.add_process(400, "Xorg", "/user.slice/user-1000.slice/session-1.scope", node);
  const auto lines = w.planned();
  CHECK_FALSE(any_has(lines, "stop-display-manager"));
  CHECK(any_has(lines, "end-sessions 0000:01:00.0 0000:01:00.1 for 1000"));
  REQUIRE(w.prepare().empty());
  CHECK_FALSE(w.root.exists("/proc/400"));
}

TEST_CASE("a program of the desktop that ignores its end is killed") {
  World w;
  w.services.stubborn = {400, 401};
  REQUIRE(w.prepare().empty());
  CHECK_FALSE(w.root.exists("/proc/400"));
  CHECK_FALSE(w.root.exists("/proc/401"));
}

TEST_CASE(
    "what logind has open for a desktop, systemd's process 1 keeps a copy of: it ends with the desktop") {
  World w;
  w.services.add_process(1, "systemd", "/init.scope", node);
  CHECK_FALSE(has_errors(assess(w.host, w.services, w.guest()).findings));
}

TEST_CASE("a program that will not end with the desktop is found out before the desktop goes") {
  World w;
  w.services.add_process(700, "ollama", "/system.slice/ollama.service", node);
  const auto errors = w.prepare();
  REQUIRE(errors.size() == 1);
  CHECK(
      errors[0].message ==
      "0000:01:00.0: ollama (process 700, ollama.service) has /dev/dri/card0 open, and does not end with the "
      "desktop");
  CHECK(w.faults.acts.empty());
  CHECK(w.journals().empty());
}

TEST_CASE("one that turns up in between is named, and the desktop is back") {
  World w(false);
  const std::string before = w.state();
  w.services.add_process(700, "ollama", "/system.slice/ollama.service", node);
  const auto errors = w.prepare();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message == "0000:01:00.0: it is still held: ollama (process 700) has /dev/dri/card0 open");
  CHECK(w.state() == before);
  CHECK(w.root.exists("/proc/700"));
}

TEST_CASE("the display manager waits for the card") {
  World w;
  REQUIRE(w.prepare().empty());
  w.kernel.node_needs["nvidia"] = "something-else";  // no DRM node, though the driver is back
  auto errors = release(w.ports, "win10");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message == "gdm.service was not started: 0000:01:00.0 did not get its DRM node back");
  CHECK_FALSE(w.services.is_running("gdm.service"));
  CHECK(w.services.awake.empty());
  CHECK(w.journals().size() == 1);
  SUBCASE("and is started by hand when that has it") {
    w.kernel.node_needs["nvidia"] = "nvidia_drm";
    w.kernel.add_module("nvidia_drm", "nvidia_modeset");
    CHECK(repair(w.ports, "win10", {}).empty());
    CHECK(w.services.is_running("gdm.service"));
  }
}

TEST_CASE("the display manager is started without its card only if another one can show it") {
  for (const bool has_other : {false, true}) {
    CAPTURE(has_other);
    World w;
    if (has_other) w.kernel.add_device({"0000:03:00.0", "1002:67df 1462:3413", "030000", "amdgpu", "11"});
    REQUIRE(w.prepare().empty());
    w.kernel.node_needs["nvidia"] = "a module that never comes";
    const auto errors = release(w.ports, "win10");
    REQUIRE(errors.size() == 1);
    // The card itself does not count, nor do its other functions. (The model's display manager wants its own
    // card.)
    CHECK(errors[0].message.find(
              has_other ? "the display manager does not start: "
                        : "gdm.service was not started: 0000:01:00.0 did not get its DRM node back") == 0);
  }
}

TEST_CASE("a program that has the screen's card open for a moment refuses no start") {
  World w;
  w.services.add_process(700, "nvidia-smi", "/system.slice/monitor.service", node);
  std::thread leaves([&] {
    std::this_thread::sleep_for(Milliseconds{200});
    w.services.remove_process(700);
  });
  const auto errors = w.prepare();
  leaves.join();
  CHECK(errors.empty());
}

TEST_CASE("a device that is not there says nothing about the GPU, and harms nobody") {
  World w;
  auto guest = w.guest({"0000:09:00.0", "0000:01:00.0"});
  REQUIRE_FALSE(guest.devices[0].present);
  auto gpu = measure_gpu(w.host, guest);
  CHECK(gpu.kind == config::Gpu::primary);
  CHECK(gpu.sentences.size() == 1);
  CHECK(gpu.console_devices == std::vector<PciAddress>{*parse_pci_address("0000:01:00.0")});
  guest = w.guest({"0000:09:00.0"});
  gpu = measure_gpu(w.host, guest);
  CHECK(gpu.kind == config::Gpu::none);
  CHECK(gpu.sentences.empty());
}

TEST_CASE("a display manager that cannot be asked about refuses the start, and nothing is touched") {
  World w;
  const std::string before = w.state();
  w.services.silent = Error{ErrorKind::failed, "/usr/bin/systemctl could not be executed", "make it a link"};
  const auto errors = w.prepare();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message == "/usr/bin/systemctl could not be executed");
  CHECK(errors[0].remedy == "make it a link");
  CHECK(w.faults.acts.empty());
  CHECK(w.state() == before);
  CHECK(w.journals().empty());
}

TEST_CASE("consoles that the kernel holds refuse the start while the desktop is there") {
  World w;
  const std::string before = w.state();
  w.sysfs.stuck = {"class/vtconsole/vtcon1/bind"};
  const auto errors = w.prepare();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("the kernel holds its text consoles: ") == 0);
  CHECK(w.state() == before);
  CHECK(w.journals().empty());
  SUBCASE("when the guest ends, card and display manager wait until the kernel lets go") {
    w.sysfs.stuck.clear();
    REQUIRE(w.prepare().empty());
    w.sysfs.stuck = {"class/vtconsole/vtcon1/bind"};
    const auto left = release(w.ports, "win10");
    // The card's driver and systemd would wait for the consoles as well.
    CHECK(w.kernel.driver("0000:01:00.0") == "vfio-pci");
    CHECK(w.kernel.driver("0000:01:00.1") == "snd_hda_intel");
    CHECK_FALSE(w.services.running["gdm.service"]);
    CHECK(std::any_of(left.begin(), left.end(), [](const Error& e) {
      return e.message.find("gdm.service was not started: ") != std::string::npos;
    }));
    w.sysfs.stuck.clear();
    CHECK(release(w.ports, "win10").empty());
    CHECK(w.state() == before);
  }
}

TEST_CASE("the display manager waits for a card that its driver still holds, whatever nodes there are") {
  World w;
  const StopDisplayManager step{"gdm.service", {*parse_pci_address("0000:01:00.0")}};
  w.services.running["gdm.service"] = false;
  w.sysfs.stuck = {"bus/pci/devices/0000:01:00.0/driver_override"};
  const auto held = undo(w.ports, step);
  REQUIRE(!held);
  CHECK(held.error().message == "gdm.service was not started: 0000:01:00.0 did not get its DRM node back");
  CHECK_FALSE(w.services.running["gdm.service"]);
  w.sysfs.stuck.clear();
  CHECK(undo(w.ports, step));
  CHECK(w.services.running["gdm.service"]);
}

TEST_CASE("modules that another card needs stay") {
  World w;
  w.kernel.add_device({"0000:03:00.0", "10de:1c82 1458:3764", "030000", "nvidia", "11"});
  CHECK_FALSE(any_has(w.planned(), "unload-module"));
  REQUIRE(w.prepare().empty());
  CHECK(w.kernel.driver("0000:03:00.0") == "nvidia");
  REQUIRE(release(w.ports, "win10").empty());
}

TEST_CASE("vfio's modules stay, even above the card's driver") {
  World w;
  w.kernel.add_module("vfio_mdev", "nvidia");
  CHECK_FALSE(any_has(w.planned(), "unload-module"));
}

TEST_CASE("a second card, or a card that is on VFIO since the boot, leaves console and desktop alone") {
  World w;
  w.kernel.add_device({"0000:03:00.0", "10de:1c82 1458:3764", "030000", "nouveau", "11"});
  const auto has_only_devices = [&](const std::vector<std::string>& addresses) {
    const auto steps = assess(w.host, w.services, w.guest(addresses)).plan;
    for (const auto& s : steps)
      CHECK((std::holds_alternative<LoadModule>(s.step) || std::holds_alternative<Unbind>(s.step) ||
             std::holds_alternative<BindVfio>(s.step)));
    return steps.size();
  };
  CHECK(has_only_devices({"0000:03:00.0"}) == 3);
  CHECK(has_only_devices({"0000:02:00.0"}) == 3);
  CHECK_FALSE(survey(w.host, w.services, w.guest({"0000:03:00.0"})).screen);
  SUBCASE("but not if the conf says so") {
    auto guest = w.guest({"0000:03:00.0"});
    guest.gpu = config::Gpu::primary;
    const auto steps = assess(w.host, w.services, guest).plan;
    CHECK(steps.size() > 6);
    guest = w.guest();
    guest.gpu = config::Gpu::secondary;
    const auto none = assess(w.host, w.services, guest).plan;
    CHECK(none.size() == 6);  // the persistence mode ends for every card
  }
  SUBCASE("on VFIO since the boot") {
    w.kernel.put_on_vfio("0000:01:00.0");
    CHECK(has_only_devices({"0000:01:00.0"}) == 0);
  }
}

TEST_CASE("the firmware's frame buffer: by its memory or its place, and a warning if it cannot come back") {
  World w(false);
  const auto add = [&](const std::string& driver, const std::string& name) {
    w.kernel.add_framebuffer(driver);
    w.root.write("/sys/bus/pci/devices/0000:01:00.0/resource",
                 "0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200\n"
                 "0x00000000e0000000 0x00000000efffffff 0x000000000014220c\n");
    w.root.write("/proc/iomem", "e0000000-efffffff : PCI Bus 0000:01\n  e0000000-e07e8fff : " + name + "\n");
  };
  for (const auto& [driver, name] :
       std::vector<std::pair<std::string, std::string>>{{"efi-framebuffer", "efifb"},
                                                        {"vesa-framebuffer", "vesafb"},
                                                        {"simple-framebuffer", "BOOTFB"},
                                                        {"simple-framebuffer", "simpledrm"}}) {
    add(driver, name);
    CHECK(any_has(w.planned(), "unbind-framebuffer " + driver + " " + driver + ".0 0000:01:00.0"));
    const std::string bound = "/sys/bus/platform/drivers/" + driver + "/" + driver + ".0";
    REQUIRE(w.prepare().empty());
    CHECK_FALSE(w.root.exists(bound));
    REQUIRE(release(w.ports, "win10").empty());
    CHECK_FALSE(w.root.exists(bound));  // the card's driver draws again
    w.kernel.remove_framebuffer(driver);
  }
  SUBCASE("it is another card's") {
    add("efi-framebuffer", "efifb");
    w.root.write("/proc/iomem", "c0000000-c07e8fff : efifb\n");
    CHECK_FALSE(any_has(w.planned(), "framebuffer"));
  }
  SUBCASE("below the card, as Linux 6.12 has it") {
    add("efi-framebuffer", "nothing");
    w.root.write("/sys/bus/pci/devices/0000:01:00.0/efi-framebuffer.0/uevent", "");
    CHECK(any_has(w.planned(), "unbind-framebuffer efi-framebuffer efi-framebuffer.0 0000:01:00.0"));
  }
  SUBCASE("a card without a driver gets it back") {
    w.kernel.write("bus/pci/drivers/nvidia/unbind", "0000:01:00.0");
    add("efi-framebuffer", "efifb");
    REQUIRE(w.prepare().empty());
    REQUIRE(release(w.ports, "win10").empty());
    CHECK(w.root.exists("/sys/bus/platform/drivers/efi-framebuffer/efi-framebuffer.0"));
  }
  SUBCASE("or a warning, where the kernel removed it") {
    w.kernel.write("bus/pci/drivers/nvidia/unbind", "0000:01:00.0");
    add("efi-framebuffer", "efifb");
    std::string warnings;
    w.log.listener = [&](int priority, const std::string& text) {
      if (priority == LOG_WARNING) warnings += text + "\n";
    };
    REQUIRE(w.prepare().empty());
    w.kernel.remove_framebuffer("efi-framebuffer");
    REQUIRE(release(w.ports, "win10").empty());
    CHECK(warnings.find("efi-framebuffer.0 comes back only at the next boot") != std::string::npos);
  }
}

TEST_CASE("consoles: frame buffers that are bound, and no others; found again under another number") {
  World w(false);
  w.kernel.add_console("vtcon2", "(M) frame buffer device", false);
  w.kernel.add_console("vtcon3", "(S) VGA+", false);
  CHECK(any_has(w.planned(), "unbind-console vtcon1"));
  CHECK_FALSE(any_has(w.planned(), "unbind-console vtcon2"));
  CHECK_FALSE(any_has(w.planned(), "unbind-console vtcon3"));
  World renumbered(false);
  REQUIRE(renumbered.prepare().empty());
  renumbered.root.write("/sys/class/vtconsole/vtcon1/name", "(S) dummy device\n");
  renumbered.root.write("/sys/class/vtconsole/vtcon0/name", "(M) frame buffer device\n");
  renumbered.root.write("/sys/class/vtconsole/vtcon0/bind", "0\n");
  REQUIRE(release(renumbered.ports, "win10").empty());
  CHECK(renumbered.root.read("/sys/class/vtconsole/vtcon0/bind") == "1\n");
}

TEST_CASE("a damaged journal of such a guest: by hand the desktop comes back too") {
  World w;
  const std::string before = w.state();
  REQUIRE(w.prepare().empty());
  const std::string file = "/run/libvirt/qemu-hook/win10.journal";
  std::string text = w.root.read(file);
  text.replace(text.find("since"), 5, "\x01\xff#!?");
  w.root.write(file, text);
  REQUIRE(repair(w.ports, "win10", {}).empty());
  CHECK(w.state() == before);
  CHECK(w.journals().empty());
}

TEST_CASE("each step is written as a line and read again") {
  const PciAddress card = *parse_pci_address("0000:01:00.0"), audio = *parse_pci_address("0000:01:00.1");
  for (const Step& step : std::vector<Step>{
           InhibitSleep{"qemu-hook-awake-a.service"}, StopDisplayManager{"gdm.service", {}},
           StopDisplayManager{"sddm@a\\x2db.service", {card, audio}},
           EndSessions{{card, audio}, {"1000", "1001"}}, EndSessions{{card}, {}}, EndSessions{{}, {"0"}},
           StopService{"nvidia-persistenced.service"}, EndPersistence{card}, WaitForHolders{{card, audio}},
           WaitForHolders{}, UnbindConsole{"vtcon1", {card}}, UnbindConsole{"vtcon2", {}},
           UnbindFramebuffer{"efi-framebuffer", "efi-framebuffer.0", card}, UnloadModule{"nvidia_drm"},
           UnloadModuleIfFree{{"nvidia"}}, LoadModule{"vfio-pci"}, Unbind{{card, "nvidia", ""}},
           BindVfio{{card, "", "vfio-pci"}}}) {
    CAPTURE(to_line(step));
    const auto read = parse_step(to_line(step));
    REQUIRE(read);
    CHECK(*read == step);
    CHECK_FALSE(describe(step).empty());
  }
  for (const char* line : {"inhibit-sleep",
                           "inhibit-sleep a b",
                           "stop-display-manager",
                           "stop-display-manager -f 0000:01:00.0",
                           "stop-display-manager a/b",
                           "stop-display-manager gdm.service nowhere",
                           "end-sessions 0000:01:00.0",
                           "end-sessions gdm for 1",
                           "end-sessions 0000:01:00.0 for a/b",
                           "stop-service ../x",
                           "end-persistence",
                           "end-persistence 0000:01:00.0 0000:01:00.1",
                           "wait-for-holders x",
                           "unbind-console ..",
                           "unbind-framebuffer efi-framebuffer efi-framebuffer.0",
                           "unbind-framebuffer a/b c 0000:01:00.0",
                           "unload-module",
                           "unload-module a b",
                           "unload-module-if-free $(x)",
                           "load-module a/b",
                           "what/ gdm"})
    CHECK_FALSE(parse_step(line));
  // Another version's.
  const auto unknown = parse_step("bind-mdev 0000:01:00.0 whatever");
  REQUIRE(unknown);
  CHECK(*unknown == Step(UnknownStep{"bind-mdev 0000:01:00.0 whatever"}));
  CHECK(to_line(*unknown) == "bind-mdev 0000:01:00.0 whatever");
}

TEST_CASE("the user is told in three lines, each fits a terminal") {
  World w;
  const auto screen = survey(w.host, w.services, w.guest()).screen;
  REQUIRE(screen);
  const auto lines = screen->sentences("win10");
  REQUIRE(lines.size() == 3);
  for (const auto& line : lines) CHECK(line.size() <= 78);
  CHECK(join(lines).find("gdm.service") != std::string::npos);
  CHECK(join(lines).find("virsh shutdown win10") != std::string::npos);
}

// --- recorded hosts

TEST_CASE("which card carries the console, on hosts of all kinds") {
  const auto kind = [](const std::string& description, const std::string& address,
                       const std::function<void(const fakes::TemporaryRoot&)>& more = {}) {
    fakes::TemporaryRoot root;
    fakes::write_host(root, description);
    if (more) more(root);
    const host::RealHost host(root.path());
    xml::Domain domain{"win10", uuid, {}, {}, {}};
    domain.devices.push_back({*parse_pci_address(address), xml::Source::hostdev, false});
    return measure_gpu(host, make_guest(domain, {}, host)).kind;
  };
  using config::Gpu;
  CHECK(kind(fakes::desktop, "0000:01:00.0") == Gpu::primary);
  CHECK(kind(fakes::desktop, "0000:01:00.1") == Gpu::none);
  CHECK(kind(fakes::apu_laptop, "0000:05:00.0") == Gpu::primary);
  CHECK(kind(fakes::workstation, "0000:01:00.0") == Gpu::primary);
  CHECK(kind(fakes::workstation, "0000:02:00.0") == Gpu::secondary);
  CHECK(kind(fakes::workstation, "0000:03:00.0") == Gpu::secondary);
  CHECK(kind(fakes::server, "0000:03:00.0") == Gpu::none);

  const std::string igpu_and_dgpu =
      "pci 0000:00:02.0 8086:4692 1458:d000 030000 i915 1 boot_vga=IGPU\n"
      "pci 0000:00:01.0/0000:01:00.0 1002:73bf 1da2:e439 030000 amdgpu 15 boot_vga=DGPU\n"
      "char 0000:00:02.0 graphics/fbI 29:0 graphics\nchar 0000:01:00.0 graphics/fbD 29:1 graphics\n";
  const auto with = [&](bool dgpu_first) {
    std::string text = igpu_and_dgpu;
    const auto put = [&](const std::string& mark, const char* value) {
      text.replace(text.find(mark), mark.size(), value);
    };
    put("IGPU", dgpu_first ? "0" : "1"), put("DGPU", dgpu_first ? "1" : "0");
    put("fbI", dgpu_first ? "fb1" : "fb0"), put("fbD", dgpu_first ? "fb0" : "fb1");
    return text;
  };
  CHECK(kind(with(false), "0000:00:02.0") == Gpu::primary);
  CHECK(kind(with(false), "0000:01:00.0") == Gpu::secondary);
  CHECK(kind(with(true), "0000:00:02.0") == Gpu::secondary);
  CHECK(kind(with(true), "0000:01:00.0") == Gpu::primary);
  // The other card's driver came first, or the boot card came back after it.
  const auto framebuffer = [](const fakes::TemporaryRoot& root, const std::string& name,
                              const char* address) {
    root.write("/sys/class/graphics/" + name + "/name", "drmfb\n");
    std::filesystem::create_symlink(std::string("../../../bus/pci/devices/") + address,
                                    root.path() + "/sys/class/graphics/" + name + "/device");
  };
  const auto late = [&](const auto& root) { framebuffer(root, "fb0", "0000:01:00.0"); };
  const auto both = [&](const auto& root) { late(root), framebuffer(root, "fb1", "0000:00:02.0"); };
  CHECK(kind(with(false), "0000:00:02.0", both) == Gpu::primary);
  CHECK(kind(with(false), "0000:01:00.0", both) == Gpu::secondary);
  // Without a frame buffer on the boot card the console is on the other one.
  CHECK(kind(with(false), "0000:01:00.0", late) == Gpu::primary);

  // A 3D controller has no boot_vga; headless, no frame buffer either.
  const std::string headless = "pci 0000:00:01.0/0000:01:00.0 10de:20b0 10de:1450 030200 nvidia 15\n";
  CHECK(kind(headless, "0000:01:00.0") == Gpu::secondary);
  CHECK(kind(headless, "0000:01:00.0", late) == Gpu::primary);
  CHECK(kind(headless, "0000:01:00.0", [](const auto& root) {
          root.write("/sys/bus/pci/devices/0000:01:00.0/resource", "0xe0000000 0xefffffff 0x14220c\n");
          root.write("/proc/iomem", "e0000000-e07e8fff : BOOTFB\n  e0000000-e07e8fff : simpledrm\n");
        }) == Gpu::primary);
}

TEST_CASE("a display manager is read from files where nothing may be run") {
  fakes::TemporaryRoot root;
  const host::RealHost host(root.path());
  host::RealServices services(host);
  CHECK(services.display_manager() == "");
  SUBCASE("systemd's alias") {
    root.write("/run/systemd/system/.keep", "");
    root.write("/etc/systemd/system/x", "");
    std::filesystem::create_symlink("/usr/lib/systemd/system/sddm.service",
                                    root.path() + "/etc/systemd/system/display-manager.service");
    CHECK(services.display_manager() == "");  // installed, not running
    root.write("/sys/fs/cgroup/system.slice/sddm.service/cgroup.procs", "700\n");
    CHECK(services.display_manager() == "sddm.service");
    CHECK(services.is_running("sddm.service"));
  }
  SUBCASE("OpenRC") {
    root.write("/run/openrc/started/xdm", "");
    CHECK(services.display_manager() == "xdm");
    CHECK(services.is_running("xdm"));
  }
  SUBCASE("OpenRC with a script for every init") {
    root.write("/etc/init.d/lightdm", "");
    CHECK(services.display_manager() == "");
    root.write("/report/answers/rc-service lightdm status", "lightdm is running.\n");
    CHECK(services.display_manager() == "lightdm");
  }
  // And nothing is run there.
  CHECK_FALSE(services.stop("sddm.service", Milliseconds{1000}));
  CHECK_FALSE(services.end_session("1", Milliseconds{1000}));
}
