// `qemu-hook --devices`, through the binary.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "blackbox/program.h"
#include "core/text.h"

using json = nlohmann::json;
using qh::blackbox::Program;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A graphics card with sound, two cards that share a group, and a network card.
void add_hardware(Program& p) {
  p.kernel.add_device({"0000:01:00.0", "10de:2484 1462:3909", "030000", "nvidia", "9"});
  p.kernel.add_device({"0000:01:00.1", "10de:228b 1462:3909", "040300", "snd_hda_intel", "9"});
  p.kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
  p.kernel.add_device({"0000:03:00.0", "1b21:2142 1b21:2142", "0c0330", "xhci_hcd", "11"});
  p.kernel.add_device({"0000:04:00.0", "1b21:2142 1b21:2142", "0c0330", "xhci_hcd", "11"});
  p.kernel.add_driver("vfio-pci");
}

std::string domain(const std::string& name, const std::string& bus) {
  return "<domain><name>" + name +
         "</name><devices><hostdev mode='subsystem' type='pci' managed='yes'><source><address bus='" + bus +
         "'/></source></hostdev></devices></domain>";
}

std::string line_of(const std::string& text, const std::string& address) {
  for (const auto line : qh::split(text, '\n'))
    if (has(std::string(line), address)) return std::string(line);
  return "";
}

}  // namespace

TEST_CASE("--devices: one line for each function, in the order of the IOMMU groups") {
  Program p;
  add_hardware(p);
  const auto ran = p.command({"--devices"});
  CHECK(ran.status == 0);
  CHECK(ran.err == "");
  CHECK(has(line_of(ran.out, "0000:01:00.0"), "nvidia"));
  CHECK(has(line_of(ran.out, "0000:01:00.1"), "yes"));
  CHECK(has(line_of(ran.out, "0000:03:00.0"), "together"));
  CHECK(ran.out.find("0000:01:00.1") < ran.out.find("0000:02:00.0"));
  for (const auto line : qh::split(ran.out, '\n')) CHECK(line.size() <= 80);
}

TEST_CASE("--devices ADDRESS: what else has to go along, and a name that is no address or no card") {
  Program p;
  add_hardware(p);
  const auto ran = p.command({"--devices", "03:00.0"});
  CHECK(ran.status == 0);
  CHECK(has(ran.out, "A guest could have it now, together with 0000:04:00.0 of its IOMMU group."));
  CHECK(!has(ran.out, "0000:01:00.0"));
  CHECK(p.command({"--devices", "nonsense"}).status == 2);
  const auto missing = p.command({"--devices", "07:00.0"});
  CHECK(missing.status == 1);
  CHECK(has(missing.err, "0000:07:00.0: this host has no such card"));
}

// A chipset's functions share a group with its ISA bridge, which on newer kernels has a driver (lpc_ich).
TEST_CASE("--devices: what shares its group with a bridge that the host uses cannot go") {
  Program p;
  add_hardware(p);
  p.kernel.add_device({"0000:00:1f.0", "8086:2918 1af4:1100", "060100", "lpc_ich", "12"});
  p.kernel.add_device({"0000:00:1f.3", "8086:2930 1af4:1100", "0c0500", "i801_smbus", "12"});
  CHECK(has(line_of(p.command({"--devices"}).out, "0000:00:1f.3"), "no: group"));
  const auto ran = p.command({"--devices", "00:1f.3"});
  CHECK(ran.status == 0);
  CHECK(has(ran.out, "No guest could have it now:"));
  CHECK(has(ran.out, "0000:00:1f.0 (lpc_ich)"));
  CHECK(has(ran.out, "`modprobe -r lpc_ich`"));
}

TEST_CASE("--devices: who wants a card, and who has it") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/router", domain("router", "0x02"));
  REQUIRE(p.command({"--detach", "router"}).status == 0);
  const auto ran = p.command({"--devices", "02:00.0"});
  CHECK(has(ran.out, "guests whose confs name it: router"));
  CHECK(has(ran.out, "in the hands of: router, since"));
  CHECK(has(ran.out, "No guest could have it now:"));
  CHECK(has(line_of(p.command({"--devices"}).out, "0000:02:00.0"), "no: claim"));
}

TEST_CASE("--devices says of each card what a start with it is told") {
  Program p;
  add_hardware(p);
  p.root.write("/proc/net/route",
               "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
               "eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\n");
  const auto devices = json::parse(p.command({"--devices", "--json"}).out)["devices"];
  REQUIRE(devices.size() == 5);
  for (const auto& d : devices) {
    const std::string address = d["address"];
    CAPTURE(address);
    // Cards of one function: the others' start would be another guest's.
    if (d["card"].size() > 1 || !d["companions"].empty()) continue;
    const auto check = json::parse(
        p.command({"--check", "GUEST", "--xml", "-", "--json"}, domain("GUEST", "0x" + address.substr(5, 2)))
            .out);
    CHECK((d["available"] == "yes") == check["ok"].get<bool>());
    CHECK(d["findings"] == check["findings"]);
  }
}

TEST_CASE("--devices --format dot: a graph with each card, in a box for its group") {
  Program p;
  add_hardware(p);
  const auto ran = p.command({"--devices", "--format", "dot"});
  CHECK(ran.status == 0);
  CHECK(ran.out.starts_with("digraph host {\n"));
  CHECK(ran.out.ends_with("}\n"));
  CHECK(has(ran.out, "subgraph \"cluster_11\" {\n    label=\"IOMMU group 11\"\n    \"0000:03:00.0\""));
  CHECK(std::count(ran.out.begin(), ran.out.end(), '{') == std::count(ran.out.begin(), ran.out.end(), '}'));
  CHECK(p.command({"--devices", "--format", "sh"}).status == 2);
  CHECK(p.command({"--query", "all", "--format", "dot"}).status == 2);
}
