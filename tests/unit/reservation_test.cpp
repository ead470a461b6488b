// Cards that desktops leave alone: the rule, what udev made of it, and how it is kept in step with the confs.
#include <doctest/doctest.h>

#include "fakes/hosts.h"
#include "fakes/two_cards.h"
#include "handover/reservations.h"
#include "host/names.h"

using namespace qh;

namespace {

const std::string card = "10de:2484 1462:3909 030000", sound = "10de:228b 1462:3909 040300";
const PciAddress gpu{0, 1, 0, 0}, gpu_sound{0, 1, 0, 1};

const std::string rule_of_card =
    "SUBSYSTEM==\"drm\", KERNELS==\"0000:01:00.0\", ATTRS{vendor}==\"0x10de\", "
    "ATTRS{device}==\"0x2484\", ATTRS{subsystem_vendor}==\"0x1462\", ATTRS{subsystem_device}==\"0x3909\", "
    "ATTRS{class}==\"0x030000\", ATTRS{boot_vga}==\"0\", ENV{ID_SEAT}=\"seat-qemu-hook\", "
    "ENV{QEMU_HOOK_RESERVE}=\"display\", TAG-=\"master-of-seat\", TAG-=\"seat\", "
    "TAG+=\"mutter-device-ignore\"\n";

// Applies the rule of a level, as udev does, and notes what it was asked for.
struct ModelUdev : host::Udev {
  explicit ModelUdev(const fakes::TemporaryRoot& root_) : root(root_) {}
  Result<void> reload() override {
    calls.emplace_back("reload");
    return {};
  }
  Result<void> change(const std::vector<host::UdevDevice>& devices) override {
    std::string call = "change";
    const std::string rules = root.read(names::udev_rules);
    for (const auto& d : devices) {
      call += " " + d.name;
      const std::string level = rules.find("{QEMU_HOOK_RESERVE}=\"all\"") != std::string::npos ? "all"
                                : rules.empty()                                                ? ""
                                                                                               : "display";
      root.write(
          "/run/udev/data/" + d.id,
          level.empty() ? "V:1\n" : "E:ID_SEAT=seat-qemu-hook\nE:QEMU_HOOK_RESERVE=" + level + "\nV:1\n");
    }
    calls.push_back(call);
    return {};
  }
  const fakes::TemporaryRoot& root;
  std::vector<std::string> calls;
};

struct World {
  explicit World(const std::string& description) { fakes::write_host(root, description); }

  void conf(const std::string& guest, const std::string& reserve, const std::string& sound_reserve = "no",
            const std::string& address = "0000:01:00.0", const std::string& identity = card) const {
    root.write("/etc/libvirt/qemu-hook/guests/" + guest + ".toml",
               "guest = \"" + guest + "\"\n[[device]]\naddress = \"" + address + "\"\nidentity = \"" +
                   identity + "\"\nreserve = \"" + reserve +
                   "\"\n[[device]]\naddress = \"0000:01:00.1\"\nreserve = \"" + sound_reserve + "\"\n");
  }
  handover::Reservations apply() {
    const auto result = handover::apply_reservations(host, udev, {});
    REQUIRE_MESSAGE(result, (result ? "" : result.error().message));
    return *result;
  }
  handover::Guest guest(Reserve level = Reserve::no) const {
    xml::Domain domain{"win10", "", {}, {}, {}};
    for (const auto& a : {gpu, gpu_sound}) domain.devices.push_back({a, xml::Source::hostdev, false});
    auto made = handover::make_guest(domain, {}, host);
    made.devices[0].conf.reserve = level;
    return made;
  }
  std::string rules() const { return root.read(names::udev_rules); }

  fakes::TemporaryRoot root;
  host::RealHost host{root.path()};
  ModelUdev udev{root};
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("reservation: the rule is for this card at this address, and never for an event 'remove'") {
  const std::string text = host::udev_rules({{gpu, card, Reserve::display, {"win10", "a\nb"}}});
  CHECK(text ==
        "# Written by qemu-hook: this host's desktops leave these cards of its guests alone.\n"
        "# Made from `reserve` in the guests' confs, /etc/libvirt/qemu-hook/guests; what is changed here is "
        "lost.\n"
        "ACTION==\"remove\", GOTO=\"qemu_hook_end\"\n"
        "# Told before the card has its place, so that nothing says which it is: left to its `add`.\n"
        "SUBSYSTEM==\"drm\", DEVPATH==\"/card*\", ENV{ID_SEAT}=\"seat-qemu-hook\", "
        "TAG-=\"master-of-seat\", TAG-=\"seat\"\n\n# 0000:01:00.0, display, for win10, a\\x0ab\n" +
            rule_of_card + "\nLABEL=\"qemu_hook_end\"\n");
  CHECK(host::is_our_rules(text));
  CHECK_FALSE(host::is_our_rules(rule_of_card));
  CHECK(host::udev_rules({}).empty());
}

TEST_CASE("reservation: boot_vga is asked of the class that has it, and of no other") {
  for (const std::string code : {"030200", "038000"}) {
    const auto rule = host::udev_rule({gpu, "10de:2484 1462:3909 " + code, Reserve::display, {}});
    CHECK_FALSE(has(rule, "boot_vga"));
    CHECK(has(rule, "ATTRS{class}==\"0x" + code + "\""));
  }
}

TEST_CASE("reservation: 'all' closes the nodes, and tells sound servers to ignore the card") {
  const auto drm = host::udev_rule({gpu, card, Reserve::all, {}});
  CHECK(has(drm, "ENV{QEMU_HOOK_RESERVE}=\"all\", GROUP=\"root\", MODE=\"0600\", TAG-=\"master-of-seat\""));
  const auto rules = host::udev_rule({gpu_sound, sound, Reserve::all, {}});
  const std::string match =
      "KERNELS==\"0000:01:00.1\", ATTRS{vendor}==\"0x10de\", ATTRS{device}==\"0x228b\", "
      "ATTRS{subsystem_vendor}==\"0x1462\", ATTRS{subsystem_device}==\"0x3909\", ATTRS{class}==\"0x040300\"";
  CHECK(rules == "SUBSYSTEM==\"sound\", " + match +
                     ", ENV{ID_SEAT}=\"seat-qemu-hook\", ENV{QEMU_HOOK_RESERVE}=\"all\", GROUP=\"root\", "
                     "MODE=\"0600\"\nSUBSYSTEM==\"sound\", KERNEL==\"card*\", " +
                     match + ", ENV{ACP_IGNORE}=\"1\", ENV{PULSE_IGNORE}=\"1\"\n");
}

TEST_CASE("reservation: what udev's database says, before systemd 247 and since") {
  const World w(
      "file /run/udev/data/c1:1 E:A=b=c\nfile /run/udev/data/c1:1 G:old\n"
      "file /run/udev/data/c1:1 Q:now\nfile /run/udev/data/c1:1 V:1\n"
      "file /run/udev/data/c1:2 G:old\nfile /run/udev/data/c1:3 G:gone\nfile /run/udev/data/c1:3 V:1\n");
  CHECK(host::udev_entry(w.host, "c1:1").property("A") == "b=c");
  CHECK(host::udev_entry(w.host, "c1:1").tags == std::vector<std::string>{"now"});
  CHECK(host::udev_entry(w.host, "c1:2").tags == std::vector<std::string>{"old"});
  CHECK(host::udev_entry(w.host, "c1:3").tags.empty());
  CHECK(host::udev_entry(w.host, "c1:4").properties.empty());
  CHECK(host::has_udev_database(w.host));
  CHECK_FALSE(host::has_udev_database(World("").host));
}

TEST_CASE("reservation: in force when card, monitor sockets and render node are on our seat, and make none") {
  World w(fakes::two_cards + fakes::under_rule("display"));
  const auto in_force = [&](Reserve level) {
    return host::is_in_force(w.host, host::reservable_devices(w.host, gpu), level);
  };
  CHECK(in_force(Reserve::display));
  CHECK_FALSE(in_force(Reserve::all));
  CHECK_FALSE(in_force(Reserve::no));
  const std::string entry = w.root.read("/run/udev/data/c226:129");
  // 71-seat.rules gives the tag to whatever is called card*, and a socket has its card's seat.
  w.root.write("/run/udev/data/+drm:card1-DP-1", entry + "Q:master-of-seat\n");
  CHECK_FALSE(in_force(Reserve::display));
  w.root.write("/run/udev/data/+drm:card1-DP-1", entry);
  CHECK(in_force(Reserve::display));
  for (const std::string& bad :
       {entry + "Q:master-of-seat\n", std::string("E:QEMU_HOOK_RESERVE=display\nE:ID_SEAT=seat0\n"),
        std::string("E:ID_SEAT=seat-qemu-hook\n"), std::string()}) {
    CAPTURE(bad);
    w.root.write("/run/udev/data/c226:129", bad);
    CHECK_FALSE(in_force(Reserve::display));
  }
}

TEST_CASE("reservation: the devices of a sound function, with the card, which has no number") {
  const World w(fakes::two_cards);
  std::vector<std::string> ids;
  for (const auto& d : host::reservable_devices(w.host, gpu_sound)) ids.push_back(d.id + " " + d.name);
  CHECK(ids == std::vector<std::string>{"c116:10 pcmC1D3p", "c116:9 controlC1", "+sound:card1 card1"});
}

TEST_CASE("reservation: written, applied to a card that nobody has open, and then left alone") {
  World w(fakes::two_cards);
  w.conf("win10", "display");
  auto result = w.apply();
  CHECK(result.wrote);
  REQUIRE(result.functions.size() == 1);
  CHECK(result.functions[0].in_force);
  CHECK(has(w.rules(), "\n# 0000:01:00.0, display, for win10\n" + rule_of_card));
  CHECK(w.udev.calls == std::vector<std::string>{"reload", "change card1 card1-DP-1 renderD129"});
  CHECK(handover::describe(result.functions[0], "win10") ==
        "0000:01:00.0 is reserved (display), in force now");

  w.udev.calls.clear();
  CHECK_FALSE(w.apply().wrote);
  CHECK(w.udev.calls.empty());

  SUBCASE("not wanted any more: the file goes, and udev forgets") {
    w.conf("win10", "no");
    result = w.apply();
    CHECK(result.wrote);
    CHECK_FALSE(w.root.exists(names::udev_rules));
    CHECK(w.udev.calls == std::vector<std::string>{"reload", "change card1 card1-DP-1 renderD129"});
    CHECK(handover::describe(result.functions.at(0), "win10") ==
          "0000:01:00.0 is not reserved any more, in force now");
    CHECK(w.apply().functions.empty());
  }
  SUBCASE("two guests, one card: the stricter one counts") {
    w.conf("other", "all", "all");
    w.apply();
    CHECK(has(w.rules(), "# 0000:01:00.0, all, for other, win10\n"));
    CHECK(has(w.rules(), "# 0000:01:00.1, all, for other\n"));
    CHECK(w.udev.calls[1] == "change card1 card1-DP-1 renderD129 pcmC1D3p controlC1 card1");
  }
}

TEST_CASE("reservation: nothing is triggered while somebody has a node open") {
  World w(fakes::two_cards + "process 1444 wireplumber open=/dev/snd/controlC1\n");
  SUBCASE("the desktop the card") {
    fakes::write_host(w.root, "process 304 Xorg open=/dev/dri/card1\n");
    w.conf("win10", "display");
  }
  SUBCASE("a program the render node") {
    fakes::write_host(w.root, "process 304 game open=/dev/dri/renderD129\n");
    w.conf("win10", "display");
  }
  SUBCASE("a sound server the control node, with 'all'") {
    w.conf("win10", "no", "all");
  }
  const auto result = w.apply();
  CHECK(result.wrote);
  CHECK(w.udev.calls == std::vector<std::string>{"reload"});
  REQUIRE(result.functions.size() == 1);
  CHECK_FALSE(result.functions[0].in_force);
  const auto text = handover::describe(result.functions[0], "win10");
  CHECK(has(text, "in force from the next boot on; or, without one: log out"));
  CHECK(has(text, "`qemu-hook --setup win10` again"));
  CHECK(has(text, result.functions[0].holders[0].command + " ("));
}

TEST_CASE("reservation: what is no display is not reserved, nor the card with the console") {
  World w(fakes::two_cards);
  w.conf("win10", "display", "no", "0000:00:02.0", "8086:4680 1462:7d25 030000");
  CHECK_FALSE(w.apply().wrote);
  w.conf("win10", "no", "display");  // a sound function: only "all" means something
  CHECK_FALSE(w.apply().wrote);
  w.conf("win10", "all", "no", "0000:03:00.0", "8086:15f3 1462:7d25 020000");
  CHECK_FALSE(w.apply().wrote);
  // A card that is not here now may come back.
  w.conf("win10", "display", "no", "0000:07:00.0", "1002:73bf 1da2:438e 030000");
  CHECK(w.apply().wrote);
  CHECK(has(w.rules(), "KERNELS==\"0000:07:00.0\", ATTRS{vendor}==\"0x1002\""));
}

TEST_CASE("reservation: the rules stay where a conf cannot be read, and a file of somebody else's") {
  World w(fakes::two_cards);
  w.conf("win10", "display");
  w.apply();
  const std::string rules = w.rules();
  w.root.write("/etc/libvirt/qemu-hook/guests/bad.toml", "gpu = 7\n");
  w.conf("win10", "no");
  const auto result = handover::apply_reservations(w.host, w.udev, {});
  REQUIRE_FALSE(result);
  CHECK(has(result.error().message, "bad.toml:1:7"));
  CHECK(w.rules() == rules);

  w.root.write("/etc/libvirt/qemu-hook/guests/bad.toml", "");
  w.root.write(names::udev_rules, "# mine\n");
  CHECK_FALSE(handover::apply_reservations(w.host, w.udev, {}));
  CHECK(w.rules() == "# mine\n");
}

TEST_CASE("reservation: without udev's database there is no rule, and a warning") {
  World w("pci 0000:01:00.0 10de:2484 1462:3909 030000 nouveau 15 boot_vga=0\n");
  w.conf("win10", "display");
  const auto result = w.apply();
  CHECK_FALSE(w.root.exists(names::udev_rules));
  REQUIRE(result.warnings.size() == 1);
  CHECK(has(result.warnings[0], "no udev database"));
  CHECK(handover::reservation(w.host, w.guest(Reserve::display).devices[0]) ==
        handover::Reservation::no_database);
}

TEST_CASE("reservation: what --reserve sets") {
  const World w(fakes::two_cards);
  auto guest = w.guest();
  using Settings = handover::ReserveSettings;
  CHECK(handover::reserve_settings(guest, Reserve::display) == Settings{{gpu, Reserve::display}});
  CHECK(handover::reserve_settings(guest, Reserve::all) ==
        Settings{{gpu, Reserve::all}, {gpu_sound, Reserve::all}});
  guest.devices[1].conf.reserve = Reserve::all;
  CHECK(handover::reserve_settings(guest, Reserve::display) ==
        Settings{{gpu, Reserve::display}, {gpu_sound, Reserve::no}});
}

TEST_CASE("reservation: refused for the only card that can show the desktop") {
  const auto refusal = [](const World& w, const handover::Guest& guest) {
    const auto may = handover::may_reserve(w.host, {}, guest);
    return may ? std::string() : may.error().message;
  };
  World w(fakes::two_cards);
  CHECK(refusal(w, w.guest()).empty());
  SUBCASE("no graphics card") {
    auto guest = w.guest();
    guest.devices.erase(guest.devices.begin());
    CHECK(has(refusal(w, guest), "win10 has no graphics card"));
  }
  SUBCASE("the host's screen is on it") {
    auto guest = w.guest();
    guest.gpu = config::Gpu::primary;
    CHECK(refusal(w, guest) == "0000:01:00.0: cannot be reserved: the host's own screen is on it");
  }
  SUBCASE("the other one is reserved as well") {
    w.conf("other", "display", "no", "0000:00:02.0", "8086:4680 1462:7d25 030000");
    w.root.write("/sys/devices/pci0000:00/0000:00:02.0/boot_vga", "0\n");
    CHECK(has(refusal(w, w.guest()), "the host has no other card"));
  }
  SUBCASE("the only monitor is on it") {
    const std::string drm = "/sys/devices/pci0000:00/0000:00:";
    w.root.write(drm + "01.0/0000:01:00.0/drm/card1/card1-HDMI-A-1/status", "connected\n");
    w.root.write(drm + "02.0/drm/card0/card0-DP-1/status", "disconnected\n");
    CHECK(has(refusal(w, w.guest()), "no other card has a monitor connected"));
    w.root.write(drm + "02.0/drm/card0/card0-DP-1/status", "connected\n");
    CHECK(refusal(w, w.guest()).empty());
  }
}
