// What is said about network interfaces, virtual functions and reset bugs, over recorded hosts.
#include <doctest/doctest.h>

#include <map>

#include "fakes/hosts.h"
#include "host/network/network.h"
#include "host/pci/pci_device.h"
#include "host/pci/reset_bug.h"

using namespace qh;
using Names = std::vector<std::string>;

namespace {

struct World {
  explicit World(const std::string& description) { fakes::write_host(root, description); }
  Names sentences(const char* address) const {
    Names all;
    for (const auto& u : host::network_use(host::RealHost(root.path()), *parse_pci_address(address))) {
      CHECK(u.sentence.find(u.interface + " ") == 0);
      all.push_back(u.sentence);
    }
    return all;
  }
  fakes::TemporaryRoot root;
  host::RealHost host{root.path()};
};

const std::string nic = "pci 0000:01:00.0 8086:15f3 1462:7d25 020000 igc 1\nnet 0000:01:00.0 eth0 up\n";

}  // namespace

TEST_CASE("an interface with the default route is needed, functions without one are not") {
  CHECK(World(fakes::desktop).sentences("0000:03:00.0") == Names{"enp3s0 carries the default route"});
  CHECK(World(fakes::desktop).sentences("0000:01:00.0").empty());
  CHECK(World(fakes::apu_laptop).sentences("0000:01:00.0") == Names{"wlp1s0 carries the default route"});
  CHECK(World(nic).sentences("0000:01:00.0").empty());
  CHECK(World(nic + "route6 eth0\n").sentences("0000:01:00.0") == Names{"eth0 carries the default route"});
}

TEST_CASE("through bond, VLAN and bridge up to the default route") {
  const World w(fakes::server);
  const std::string way =
      " is in the bond bond0, which carries bond0.100, which is in the bridge br0, which carries the default "
      "route";
  CHECK(w.sentences("0000:03:00.0") == Names{"ens3f0" + way});
  CHECK(w.sentences("0000:03:00.1") == Names{"ens3f1" + way});
  CHECK(w.sentences("0000:03:02.0").empty());
}

TEST_CASE("a VLAN with IPv6's default route alone") {
  CHECK(World(fakes::server).sentences("0000:07:00.0") ==
        Names{"ens7 carries ens7.6, which carries the default route"});
}

TEST_CASE("without a default route: a bridge or bond that is up, a team or Open vSwitch however it is") {
  const World w(fakes::server);
  CHECK(w.sentences("0000:04:00.0") == Names{"eno1 is in the bridge br1, which is up"});
  CHECK(w.sentences("0000:04:00.1").empty());
  CHECK(w.sentences("0000:06:00.0") == Names{"ens6 belongs to ovs-system"});
  CHECK(World(nic + "net - bond0 up bond\nmaster eth0 bond0\n").sentences("0000:01:00.0") ==
        Names{"eth0 is in the bond bond0, which is up"});
  CHECK(World(nic + "net - bond0 bond\nmaster eth0 bond0\n").sentences("0000:01:00.0").empty());
  CHECK(World(nic + "net - eth0.5 up\nupper eth0 eth0.5\nnet - br0 up bridge\nmaster eth0.5 br0 port\n")
            .sentences("0000:01:00.0") ==
        Names{"eth0 carries eth0.5, which is in the bridge br0, which is up"});
  // A VLAN of which nothing depends.
  CHECK(World(nic + "net - eth0.5 up\nupper eth0 eth0.5\n").sentences("0000:01:00.0").empty());
}

TEST_CASE("only a default route that leads somewhere counts") {
  const World w(nic);
  const auto routes = [&](const std::string& text) {
    w.root.write("/proc/net/route", "Iface\tDestination\tGateway\n" + text);
    return host::default_route_interfaces(w.host);
  };
  CHECK(routes("eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n") == Names{"eth0"});
  CHECK(routes("eth0\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n").empty());  // its own network
  CHECK(routes("eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000080\t0\t0\t0\n").empty());  // half of all
  CHECK(routes("eth0\t00000000\t0100A8C0\t0002\t0\t0\t100\t00000000\t0\t0\t0\n").empty());  // down
  CHECK(routes("*\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n").empty());       // rejects
  CHECK(routes("").empty());  // IPv6 has none but the kernel's own, on lo
  w.root.write("/proc/net/ipv6_route",
               "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
               "00000000000000000000000000000000 00000400 00000001 00000000 00200201     eth0\n");
  CHECK(routes("").empty());  // rejects
  CHECK(routes("rubbish\n\n\t\t\n").empty());
}

TEST_CASE("links that run in circles end") {
  const World w(nic + "net - a up\nnet - b up\nupper eth0 a\nupper a b\nupper b a\n");
  CHECK(w.sentences("0000:01:00.0").empty());
}

TEST_CASE("virtual functions are found by their links") {
  const World w(fakes::server);
  const auto functions = host::virtual_functions(w.host, *parse_pci_address("0000:03:00.0"));
  REQUIRE(functions.size() == 2);
  CHECK(functions[0].text() == "0000:03:02.0");
  CHECK(functions[1].text() == "0000:03:02.1");
  for (const char* other : {"0000:03:00.1", "0000:03:02.0", "0000:04:00.0", "0000:77:00.0"})
    CHECK(host::virtual_functions(w.host, *parse_pci_address(other)).empty());
}

TEST_CASE("the families that do not come back from a reset") {
  const World w(fakes::workstation);
  const auto family = [](const World& world, const char* address) {
    return host::reset_bug_family(world.host, *parse_pci_address(address)).value_or("none");
  };
  CHECK(family(w, "0000:01:00.0") == "Navi 10");
  CHECK(family(w, "0000:01:00.1") == "none");  // its sound function
  CHECK(family(w, "0000:02:00.0") == "none");  // NVIDIA
  CHECK(family(World(fakes::apu_laptop), "0000:05:00.0") == "none");
  w.root.write("/sys/bus/pci/devices/0000:01:00.0/reset_method", "device_specific bus\n");
  CHECK(family(w, "0000:01:00.0") == "none");
  const std::map<std::string, std::string> cards{{"67df", "Polaris 10"}, {"67ff", "Polaris 11"},
                                                 {"699f", "Polaris 12"}, {"687f", "Vega 10"},
                                                 {"66af", "Vega 20"},    {"7340", "Navi 14"},
                                                 {"7360", "Navi 12"},    {"73bf", "none"},  // Navi 21 resets
                                                 {"0000", "none"}};
  for (const auto& [device, name] : cards) {
    CAPTURE(device);
    CHECK(family(World("pci 0000:01:00.0 1002:" + device + " 1002:0000 030000 amdgpu 1\n"), "0000:01:00.0") ==
          name);
  }
  // The same number of another maker.
  CHECK(family(World("pci 0000:01:00.0 8086:67df 1002:0000 030000 i915 1\n"), "0000:01:00.0") == "none");
}
