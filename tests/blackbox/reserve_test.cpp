// A card that this host's desktops leave alone: `--setup --reserve`, and what the other commands say and do.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "blackbox/program.h"
#include "blackbox/terminal.h"
#include "fakes/hosts.h"
#include "fakes/two_cards.h"

using nlohmann::json;
using qh::blackbox::Program;
using qh::blackbox::Ran;

namespace {

const std::string rules = "/etc/udev/rules.d/72-qemu-hook.rules";
const std::string conf = "/etc/libvirt/qemu-hook/guests/win10.toml";

struct Host {
  explicit Host(const std::string& more = "") {
    qh::fakes::write_host(p.root, qh::fakes::two_cards + more);
    p.root.write("/domains/win10", qh::fakes::two_cards_xml);
  }
  Ran setup(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"--setup", "win10"});
    return p.command(std::move(arguments));
  }
  std::string on_terminal(const std::string& input, int& status) const {
    return qh::blackbox::on_terminal(p, {"--setup", "win10"}, input, status);
  }
  Program p;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("--setup --reserve sets it for the graphics card, byte for byte elsewhere, and writes the rule") {
  Host h;
  REQUIRE(h.setup().status == 0);
  CHECK_FALSE(h.p.root.exists(rules));
  const std::string before = h.p.root.read(conf);
  const auto ran = h.setup({"--reserve"});
  CHECK(ran.status == 0);
  CHECK_MESSAGE(has(ran.out, "0000:01:00.0 is reserved (display), in force from the next boot on."),
                (ran.out + ran.err));
  std::string expected = before;
  const std::string off = "# reserve = \"no\"" + std::string(14, ' ') + "# no",
                    on = "reserve = \"display\"" + std::string(11, ' ') + "# no";
  REQUIRE(has(expected, off));
  expected.replace(expected.find(off), off.size(), on);
  CHECK(h.p.root.read(conf) == expected);
  CHECK(has(h.p.root.read(rules), "# 0000:01:00.0, display, for win10\n"));

  SUBCASE("again: nothing changes") {
    const std::string files = h.p.files();
    CHECK(has(h.setup({"--reserve=display"}).out, "nothing to change in"));
    CHECK(h.setup().status == 0);
    CHECK(h.p.files() == files);
  }
  SUBCASE("all") {
    CHECK(has(h.setup({"--reserve=all"}).out, "0000:01:00.1 is reserved (all)"));
    CHECK(has(h.p.root.read(rules), "# 0000:01:00.0, all, for win10\n"));
    CHECK(has(h.p.root.read(rules), "ENV{ACP_IGNORE}=\"1\""));
    CHECK(h.setup({"--reserve"}).status == 0);
    CHECK_FALSE(has(h.p.root.read(rules), "ACP_IGNORE"));
  }
  SUBCASE("no") {
    CHECK(h.setup({"--reserve=no"}).status == 0);
    CHECK_FALSE(h.p.root.exists(rules));
    CHECK(has(h.p.root.read(conf), "reserve = \"no\""));
  }
  SUBCASE("--setup --all follows the confs") {
    h.p.root.write(conf, before);
    CHECK(h.p.command({"--setup", "--all"}).status == 0);
    CHECK_FALSE(h.p.root.exists(rules));
  }
  SUBCASE("--prune follows them too") {
    (void)::unlink((h.p.root.path() + "/domains/win10").c_str());
    CHECK(h.p.command({"--prune", "--dry-run"}).status == 0);
    CHECK(h.p.root.exists(rules));
    CHECK(h.p.command({"--prune", "--json"}).status == 0);
    CHECK_FALSE(h.p.root.exists(rules));
  }
}

TEST_CASE("a start writes no rule, whatever the conf says") {
  Program p;
  p.kernel.add_device({"0000:01:00.0", "10de:2484 1462:3909", "030000", "nouveau", "15"});
  p.kernel.add_driver("vfio-pci");
  p.root.write("/run/udev/data/c226:0", "V:1\n");
  p.root.write(conf, "[[device]]\naddress = \"0000:01:00.0\"\nreserve = \"display\"\n");
  const std::string xml =
      "<domain><name>win10</name><devices><hostdev mode='subsystem' type='pci'><source><address "
      "bus='0x01'/></source></hostdev></devices></domain>";
  const auto ran = p.hook("win10", "prepare", "begin", xml);
  CHECK_MESSAGE(ran.status == 0, ran.err);
  CHECK(p.kernel.driver("0000:01:00.0") == "vfio-pci");
  CHECK_FALSE(p.root.exists(rules));
  p.root.write("/domains/win10", xml);
  CHECK(p.command({"--setup", "win10"}).status == 0);
  CHECK(p.root.exists(rules));
}

TEST_CASE("--setup --add --reserve: a new guest at once") {
  Host h;
  h.p.root.write("/domains/win10", "<domain><name>win10</name><devices></devices></domain>");
  const auto ran = h.setup({"--add", "01:00.0", "01:00.1", "--reserve=all", "--json"});
  CHECK_MESSAGE(ran.status == 0, (ran.out + ran.err));
  const auto object = json::parse(ran.out);
  CHECK(object["reservations"] ==
        json::parse(R"([{"device": "0000:01:00.0", "level": "all", "in_force": false},
                        {"device": "0000:01:00.1", "level": "all", "in_force": false}])"));
  const std::string text = h.p.root.read(conf);
  const auto first = text.find("\nreserve = \"all\"");
  CHECK(first != std::string::npos);
  CHECK(text.find("\nreserve = \"all\"", first + 1) != std::string::npos);
}

TEST_CASE("--setup --reserve is refused where it would take the desktop its card, and changes nothing") {
  Host h;
  REQUIRE(h.setup().status == 0);
  SUBCASE("the guest has the host's screen") {
    h.p.root.write("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/boot_vga", "1\n");
    const std::string files = h.p.files();
    const auto ran = h.setup({"--reserve"});
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "0000:01:00.0: cannot be reserved: the host's own screen is on it"));
    CHECK(h.p.files() == files);
  }
  SUBCASE("no confs are written") {
    h.p.root.write("/etc/libvirt/qemu-hook/host.toml", "write_confs = false\n");
    const std::string files = h.p.files();
    const auto ran = h.setup({"--reserve"});
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "write_confs = false in host.toml"));
    CHECK(h.p.files() == files);
  }
  SUBCASE("--dry-run") {
    const std::string files = h.p.files();
    CHECK(has(h.setup({"--reserve", "--dry-run"}).out, "would write"));
    CHECK(h.p.files() == files);
  }
}

TEST_CASE("--setup --reserve: a wrong call") {
  Host h;
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"--setup", "win10", "--reserve=most"},
                                             {"--setup", "--all", "--reserve"},
                                             {"--check", "win10", "--reserve"},
                                             {"--setup", "win10", "--reserve", "all"}})
    CHECK(h.p.command(arguments).status == 2);
}

TEST_CASE("a desktop has the card: the refusal in two lines, the offer of --setup, and what --check says") {
  Host h(qh::fakes::xorg);
  const std::string who = "Xorg (304: /dev/dri/card1), session 2 (ann on seat0)";
  const auto prepared = h.p.hook("win10", "prepare", "begin", qh::fakes::two_cards_xml);
  CHECK(prepared.status == 1);
  CHECK_MESSAGE(has(prepared.err, "0000:01:00.0: the desktop has it open: " + who), prepared.err);
  CHECK(has(prepared.err, "`qemu-hook --setup win10 --reserve`"));
  CHECK(has(h.p.command({"--check", "win10"}).out, "the desktop has it open: " + who));

  int status = -1;
  const std::string question = "A desktop of this host has 0000:01:00.0 open. Reserve the card for guests";
  CHECK(has(h.on_terminal("n\n", status), question));
  CHECK_FALSE(h.p.root.exists(rules));
  CHECK_FALSE(has(h.setup().out, question));

  const auto accepted = h.on_terminal("y\n", status);
  CHECK(status == 0);
  CHECK(has(accepted, question));
  CHECK(h.p.root.exists(rules));
  CHECK(has(h.setup().out,
            "0000:01:00.0 is reserved (display), in force from the next boot on; or, without one: "
            "log out"));
  CHECK_FALSE(has(h.on_terminal("", status), question));

  const auto object = json::parse(h.p.command({"--check", "win10", "--json"}).out);
  CHECK(object["reservations"] ==
        json::parse(R"([{"device": "0000:01:00.0", "level": "display", "in_force": false}])"));
  CHECK(has(object["findings"][0]["message"].get<std::string>(),
            "is reserved from the next boot on; until then the desktop has it open: " + who));
}

TEST_CASE("--check: in force") {
  Host h(qh::fakes::under_rule("display"));
  REQUIRE(h.setup({"--reserve"}).status == 0);
  const auto ran = h.p.command({"--check", "win10"});
  CHECK_MESSAGE(ran.status == 0, ran.out);
  CHECK(has(ran.out, "0000:01:00.0 is reserved (display), in force: no desktop uses it."));
  CHECK(json::parse(h.p.command({"--check", "win10", "--json"}).out)["reservations"][0]["in_force"] == true);
  CHECK(has(h.setup().out, "0000:01:00.0 is reserved (display), in force now."));
}

TEST_CASE("--uninstall knows the rules by their first line") {
  Host h;
  REQUIRE(h.setup({"--reserve"}).status == 0);
  CHECK(h.p.root.read(rules).starts_with("# Written by qemu-hook:"));
}
