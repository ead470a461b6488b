// What fleets read: the output against its schema, keys in the schema's order.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "blackbox/program.h"

using json = nlohmann::ordered_json;
using qh::blackbox::Program;

namespace {

// The words of JSON Schema that our schemas use; any other one is an error here too.
std::string violation(const json& schema, const json& value, const std::string& at) {
  for (const auto& [word, said] : schema.items()) {
    if (word == "type") {
      const bool fits = said == "object"    ? value.is_object()
                        : said == "array"   ? value.is_array()
                        : said == "string"  ? value.is_string()
                        : said == "boolean" ? value.is_boolean()
                        : said == "integer" ? value.is_number_integer()
                                            : false;
      if (!fits) return at + " is no " + said.get<std::string>();
    } else if (word == "enum") {
      if (std::find(said.begin(), said.end(), value) == said.end()) return at + " cannot be " + value.dump();
    } else if (word == "required") {
      for (const auto& key : said)
        if (!value.contains(key.get<std::string>())) return at + " has no " + key.dump();
    } else if (word == "properties") {
      auto next = said.begin();
      for (const auto& [key, item] : value.items()) {
        if (!said.contains(key)) return at + " has an undocumented " + key;
        while (next != said.end() && next.key() != key) ++next;
        if (next == said.end()) return at + ": " + key + " is out of order";
        if (auto text = violation(next.value(), item, at + "." + key); !text.empty()) return text;
      }
    } else if (word == "items") {
      for (std::size_t i = 0; i < value.size(); ++i)
        if (auto text = violation(said, value[i], at + "[" + std::to_string(i) + "]"); !text.empty())
          return text;
    } else if (word != "$schema" && word != "title" && word != "description" &&
               word != "additionalProperties") {
      return "the schema has " + word + ", which this test does not know";
    }
  }
  return "";
}

json schema(const std::string& name) {
  std::ifstream file(std::string(QH_SCHEMA_FOLDER) + "/" + name + ".schema.json");
  REQUIRE(file.good());
  return json::parse(file);
}

const std::string guest_xml =
    "<domain><name>win10</name><devices>"
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address bus='0x02'/></source></hostdev>"
    "<hostdev mode='subsystem' type='pci'><source><address "
    "bus='0x07'/></source></hostdev></devices></domain>";
const std::string nic_xml =
    "<domain><name>nic</name><devices><hostdev mode='subsystem' type='pci'><source><address bus='0x02'/>"
    "</source></hostdev></devices></domain>";

void add_hardware(Program& p) {
  p.kernel.add_device({"0000:01:00.0", "10de:2484 1462:3909", "030000", "nvidia", "9"});
  p.kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
  p.kernel.add_driver("vfio-pci");
}

}  // namespace

TEST_CASE("schema: --status --json") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/nic", nic_xml);
  REQUIRE(p.command({"--setup", "win10", "--xml", "-"}, guest_xml).status == 0);
  REQUIRE(p.command({"--detach", "nic"}).status == 0);
  const auto output = json::parse(p.command({"--status", "--json"}).out);
  CHECK(violation(schema("status"), output, "status") == "");
  REQUIRE(output["devices"].size() == 3);
  CHECK(output["devices"][1].contains("claim"));
  CHECK(output["devices"][2]["present"] == false);
  CHECK(p.command({"--status", "--json"}).out == p.command({"--status", "--json"}).out);
}

TEST_CASE("schema: --check --json, of a guest and of the host") {
  Program p;
  add_hardware(p);
  const auto of_guest = json::parse(p.command({"--check", "win10", "--xml", "-", "--json"}, guest_xml).out);
  CHECK(violation(schema("check"), of_guest, "check") == "");
  CHECK(of_guest["devices"].size() == 2);
  const auto of_host = json::parse(p.command({"--check", "--json"}).out);
  CHECK(violation(schema("check"), of_host, "check") == "");
  CHECK(of_host["findings"].size() > 0);
  const auto failed = json::parse(p.command({"--check", "nobody", "--json"}).out);
  CHECK(violation(schema("check"), failed, "check") == "");
  CHECK(failed["error"]["message"].get<std::string>().find("nobody") != std::string::npos);
}

TEST_CASE("schema: the test finds what does not fit") {
  const auto status = schema("status");
  const auto check = [&](const char* text) { return violation(status, json::parse(text), "x"); };
  CHECK(check(R"({"devices":[],"stuck":[]})") == "");
  CHECK(check(R"({"stuck":[]})") == "x has no \"devices\"");
  CHECK(check(R"({"stuck":[],"devices":[]})") == "x: devices is out of order");
  CHECK(check(R"({"devices":[],"stuck":[],"more":1})") == "x has an undocumented more");
  CHECK(check(R"({"devices":[7],"stuck":[]})") == "x.devices[0] is no object");
}

TEST_CASE("schema: --devices --json") {
  Program p;
  add_hardware(p);
  p.root.write("/domains/nic", nic_xml);
  REQUIRE(p.command({"--detach", "nic"}).status == 0);
  const auto output = json::parse(p.command({"--devices", "--json"}).out);
  CHECK(violation(schema("devices"), output, "devices") == "");
  REQUIRE(output["devices"].size() == 2);
  CHECK(output["devices"][1].contains("claim"));
}
