// Who has a second GPU and its sound open beside a living desktop: what is refused, in which words.
#include <doctest/doctest.h>

#include <filesystem>

#include "fakes/hosts.h"
#include "fakes/two_cards.h"
#include "handover/checks/checks.h"
#include "handover/reservations.h"
#include "host/graphics/reservation.h"
#include "host/names.h"

using namespace qh;
using namespace std::string_literals;
using namespace qh::handover;

namespace {

struct World {
  explicit World(const std::string& description) {
    fakes::write_host(root, fakes::two_cards);
    fakes::write_host(root, description);
  }

  Guest guest(Reserve level = Reserve::no) const {
    xml::Domain domain{"win10", "", {}, {}, {}};
    for (const auto& a : {PciAddress{0, 1, 0, 0}, PciAddress{0, 1, 0, 1}})
      domain.devices.push_back({a, xml::Source::hostdev, false});
    auto made = make_guest(domain, {}, host);
    made.devices[0].conf.reserve = level;
    return made;
  }
  // As a refusal shows them: "error holders: message | remedy".
  std::vector<std::string> said(Guest guest) const {
    std::vector<std::string> all;
    for (const auto& f : check(survey_devices(host, std::move(guest))))
      all.push_back((f.severity == Severity::error ? "error " : "warning ") + f.check + ": " + f.message +
                    " | " + f.remedy);
    return all;
  }
  std::vector<std::string> said(Reserve level = Reserve::no) const { return said(guest(level)); }
  void write_rule(Reserve level) const {
    root.write(names::udev_rules,
               host::udev_rules({{{0, 1, 0, 0}, "10de:2484 1462:3909 030000", level, {"win10"}}}));
  }
  void stop(int pid) const {
    const std::string file = "/proc/" + std::to_string(pid) + "/stat";
    std::string stat = root.read(file);
    stat.replace(stat.find(") S"), 3, ") T");
    root.write(file, stat);
  }

  fakes::TemporaryRoot root;
  host::RealHost host{root.path()};
};

using Lines = std::vector<std::string>;

using fakes::xorg;
const std::string xorgs_session = "Xorg (304: /dev/dri/card1), session 2 (ann on seat0)";
const std::string wireplumber = "process 1444 wireplumber open=/dev/snd/controlC1\n";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("desktop: a second card that a desktop has open is refused in two lines, with the reservation") {
  const World w(xorg);
  CHECK(w.said() == Lines{"error holders: 0000:01:00.0: the desktop has it open: " + xorgs_session +
                          " | `qemu-hook --setup win10 --reserve` makes the host's desktops leave it alone"});
  CHECK(check(survey_devices(w.host, w.guest()))[0].reserving_helps);

  auto allowed = w.guest();
  allowed.devices[0].conf.allow_in_use = true;
  REQUIRE(w.said(allowed).size() == 1);
  CHECK(has(w.said(allowed)[0], "warning holders: 0000:01:00.0: the desktop has it open"));
}

TEST_CASE("desktop: a compositor in its user's session, and since when") {
  const World w(
      "process 900 sway open=/dev/dri/card1 open=/dev/dri/renderD129\n"
      "file /proc/900/cgroup 0::/user.slice/user-1000.slice/session-2.scope\n"
      "file /run/systemd/sessions/2 REALTIME=946684800000000\n");
  REQUIRE(w.said().size() == 1);
  CHECK(has(w.said()[0],
            "the desktop has it open: sway (900: /dev/dri/card1, /dev/dri/renderD129), session 2 "
            "(ann on seat0, since "));
  CHECK((has(w.said()[0], "since 2000-01-01 ") || has(w.said()[0], "since 1999-12-31 ")));
}

TEST_CASE("desktop: logind alone is named as the one who keeps the card open") {
  const World w("process 200 systemd-logind open=/dev/dri/card1\n");
  REQUIRE(w.said().size() == 1);
  CHECK(has(w.said()[0], "the desktop has it open: systemd-logind (200: /dev/dri/card1), session 2"));
}

TEST_CASE("desktop: who has the card open over ssh is no desktop") {
  for (const std::string groups : {"0::/user.slice/user-1001.slice/session-5.scope",
                                   // elogind's under OpenRC, hybrid and unified
                                   "9:name=elogind:/5\nfile /proc/900/cgroup 1:name=openrc:/sshd", "0::/5"}) {
    const World w("process 900 kmscube open=/dev/dri/card1\nfile /proc/900/cgroup " + groups + "\n");
    CHECK(w.said() ==
          Lines{"error holders: 0000:01:00.0: in use by kmscube (900: /dev/dri/card1) | close kmscube; "
                "or, if it lets go by itself when the device goes, set `allow_in_use = true` for it in "
                "/etc/libvirt/qemu-hook/guests/win10.toml"});
  }
}

TEST_CASE("desktop: without logind whoever has the card open is taken for one") {
  World w("process 304 Xorg open=/dev/dri/card1\n");
  for (const char* id : {"2", "5"}) std::filesystem::remove(w.root.path() + "/run/systemd/sessions/" + id);
  REQUIRE(w.said().size() == 1);
  CHECK(has(w.said()[0], "the desktop has it open: Xorg (304: /dev/dri/card1) | `qemu-hook --setup"));
}

TEST_CASE("desktop: reserved, and how far that is") {
  SUBCASE("the rule is missing") {
    const World w("");
    CHECK(
        w.said(Reserve::display) ==
        Lines{
            "warning reserve: 0000:01:00.0: is to be reserved, but /etc/udev/rules.d/72-qemu-hook.rules does "
            "not say so | `qemu-hook --setup win10` writes it"});
    const World held(xorg);
    CHECK(has(held.said(Reserve::display).at(0), "| `qemu-hook --setup win10` makes the host's desktops"));
  }
  SUBCASE("not applied yet") {
    const World w("");
    w.write_rule(Reserve::display);
    CHECK(w.said(Reserve::display) == Lines{"warning reserve: 0000:01:00.0: is reserved from the next boot "
                                            "on | `qemu-hook --setup win10` puts "
                                            "that in force now, if nobody has the card open"});
    const World held(xorg);
    held.write_rule(Reserve::display);
    CHECK(has(held.said(Reserve::display).at(0),
              "is reserved from the next boot on; until then the desktop has it open: " + xorgs_session +
                  " | reboot; or log out, from a text console"));
  }
  SUBCASE("in force") {
    const World w(fakes::under_rule("display"));
    w.write_rule(Reserve::display);
    CHECK(w.said(Reserve::display).empty());
    CHECK(reservation(w.host, w.guest(Reserve::display).devices[0]) == Reservation::in_force);
    // The rule was for another level.
    CHECK(reservation(w.host, w.guest(Reserve::all).devices[0]) == Reservation::missing);
  }
  SUBCASE("another guest asks for more") {
    const World w(fakes::under_rule("all"));
    w.write_rule(Reserve::all);
    CHECK(w.said(Reserve::display).empty());
  }
  SUBCASE("in force, but held since before") {
    const World w(xorg + fakes::under_rule("display"));
    w.write_rule(Reserve::display);
    CHECK(w.said(Reserve::display) ==
          Lines{"error holders: 0000:01:00.0: is reserved, but the desktop has had it open since before: " +
                xorgs_session + " | log out and in again"});
  }
  SUBCASE("bypassed") {
    const World w(xorg + fakes::under_rule("display"));
    w.write_rule(Reserve::display);
    w.root.write("/proc/304/environ", "HOME=/x\0WLR_DRM_DEVICES=/dev/dri/card1\0A=b\0"s);
    REQUIRE(w.said(Reserve::display).size() == 1);
    const auto text = w.said(Reserve::display)[0];
    CHECK(has(text,
              "is reserved, but WLR_DRM_DEVICES=/dev/dri/card1 (of Xorg, process 304) makes the desktop open "
              "it all the same: " +
                  xorgs_session));
    CHECK(has(text, "take the variable out of where the desktop gets it (/etc/environment"));
    CHECK_FALSE(has(text, "HOME"));
  }
  SUBCASE("the console is on it") {
    World w("");
    w.root.write("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/boot_vga", "1\n");
    REQUIRE(w.said(Reserve::display).size() == 1);
    CHECK(has(w.said(Reserve::display)[0],
              "warning reserve: 0000:01:00.0: is not reserved: it carries the host's"));
  }
  SUBCASE("seatd") {
    const World w("file /run/seatd.sock\n" + fakes::under_rule("display"));
    w.write_rule(Reserve::display);
    REQUIRE(w.said(Reserve::display).size() == 1);
    CHECK(has(w.said(Reserve::display)[0], "warning reserve: 0000:01:00.0: is reserved, but seatd opens"));
  }
}

TEST_CASE("desktop: what can be reserved, by its identity, which is written into a rule") {
  CHECK(is_reservable("10de:2484 1462:3909 030000", Reserve::display));
  CHECK_FALSE(is_reservable("10de:2484 1462:3909 030000", Reserve::no));
  CHECK(is_reservable("10de:228b 1462:3909 040300", Reserve::all));
  CHECK_FALSE(is_reservable("10de:228b 1462:3909 040300", Reserve::display));
  CHECK_FALSE(is_reservable("8086:15f3 1462:7d25 020000", Reserve::all));
  for (const char* bad :
       {"", "10de:2484 1462:3909 03", "10de:2484 1462:\"909 030000", "10de:2484-1462:3909 030000"})
    CHECK_FALSE(is_reservable(bad, Reserve::all));
}

TEST_CASE("render nodes: who computes on the card is named, with what to close") {
  const World w(
      "process 950 ollama open=/dev/dri/renderD129\n"
      "file /proc/950/cgroup 0::/system.slice/ollama.service\n"
      "process 960 firefox open=/dev/dri/renderD129\n"
      "file /proc/960/cgroup 0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n");
  const std::string who =
      "error holders: 0000:01:00.0: programs compute or draw on it: ollama (950: /dev/dri/renderD129), "
      "firefox "
      "(960: /dev/dri/renderD129) | `systemctl stop ollama.service`, close firefox";
  CHECK(w.said() == Lines{who + "; `qemu-hook --setup win10 --reserve=all` keeps programs off it for good"});
  auto guest = w.guest(Reserve::all);
  w.write_rule(Reserve::all);
  CHECK(w.said(guest)[0] == who);
  guest.devices[0].conf.allow_in_use = true;
  guest.devices[0].conf.reserve = Reserve::no;
  CHECK(w.said(guest).empty());
}

TEST_CASE("sound: a server that only watches is no reason to refuse") {
  CHECK(World(wireplumber).said().empty());
  CHECK(World("process 7 pulseaudio open=/dev/snd/controlC1\n").said().empty());
  SUBCASE("but what plays is") {
    CHECK(has(
        World("process 1444 pipewire open=/dev/snd/controlC1 open=/dev/snd/pcmC1D3p\n").said().at(0),
        "0000:01:00.1: in use by pipewire (1444: /dev/snd/pcmC1D3p, /dev/snd/controlC1) | close pipewire"));
  }
  SUBCASE("and so is another program on the control node") {
    CHECK(has(World("process 8 alsamixer open=/dev/snd/controlC1\n").said().at(0), "in use by alsamixer"));
  }
}

TEST_CASE("sound: a stopped server is refused, whatever the conf allows: the kernel would wait for ever") {
  const World w(wireplumber);
  w.stop(1444);
  const Lines stopped{
      "error holders: 0000:01:00.1: the kernel would wait for ever for wireplumber (1444: "
      "/dev/snd/controlC1), which is stopped | `kill -CONT 1444` lets it go on; if its control "
      "group is frozen, thaw that"};
  CHECK(w.said() == stopped);
  auto guest = w.guest();
  guest.devices[1].conf.allow_in_use = true;
  CHECK(w.said(guest) == stopped);
}

TEST_CASE("sound: so is one whose control group is frozen") {
  const std::string group = wireplumber +
                            "file /proc/1444/cgroup 0::/user.slice/x.service\n"
                            "file /sys/fs/cgroup/user.slice/x.service/cgroup.events populated 1\n";
  CHECK(World(group + "file /sys/fs/cgroup/user.slice/x.service/cgroup.events frozen 0\n").said().empty());
  CHECK(World(group + "file /sys/fs/cgroup/user.slice/x.service/cgroup.events frozen 1\n").said().size() ==
        1);
}

TEST_CASE("sound: a server that udev tells to ignore the card would not close it") {
  for (const std::string where : {"+sound:card1", "c116:9"})
    for (const std::string key : {"ACP_IGNORE", "PULSE_IGNORE"}) {
      CAPTURE(where + key);
      const World w(wireplumber + "file /run/udev/data/" + where + " E:" + key + "=1\n");
      REQUIRE(w.said().size() == 1);
      CHECK(has(w.said()[0],
                "0000:01:00.1: the kernel would wait for ever for wireplumber (1444: "
                "/dev/snd/controlC1), which " +
                    key + " in udev's database keeps from closing the card | `kill 1444`"));
    }
  // Another card's.
  CHECK(World(wireplumber + "file /run/udev/data/+sound:card0 E:ACP_IGNORE=1\n").said().empty());
}
