#include "config/guest_conf.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/guest_settings.h"
#include "config/host_conf.h"

using namespace qh::config;
using qh::ErrorKind;
using qh::PciAddress;

namespace {

// Escapes what a test would otherwise have to spell out: every case has a guest and a device.
const std::string device = "[[device]]\naddress = \"0000:01:00.0\"\n";

GuestConf parsed(const std::string& text) {
  auto conf = parse_guest_conf(text, "win10.toml");
  REQUIRE_MESSAGE(conf.has_value(), (conf ? "" : conf.error().message));
  return *conf;
}

}  // namespace

TEST_CASE("guest conf: everything that can be said") {
  const GuestConf conf = parsed(R"(# a comment
guest = "win10"
uuid  = "4DEA22b3-1d52-d8f3-2516-782e98ab3fa0"
gpu   = "secondary"

[[device]]                    # a card
address  = "0000:01:00.0"
virsh    = "pci_0000_01_00_0"
identity = "10DE:2484 1462:3909 030000"
detach = "always"
reset  = "remove-rescan"
allow_in_use = true
reserve = "display"

[[device]]
address = "pci_10000_e1_00_0"

[[device]]
address = '0000:02.00.0'
identity = ""
)");
  CHECK(conf.guest == "win10");
  CHECK(conf.uuid == "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
  CHECK(conf.gpu == Gpu::secondary);
  REQUIRE(conf.devices.size() == 3);
  CHECK(conf.devices[0] == DeviceConf{PciAddress{0, 1, 0, 0}, "10de:2484 1462:3909 030000", Detach::always,
                                      Reset::remove_rescan, true, Reserve::display});
  CHECK(conf.devices[1] == DeviceConf{PciAddress{0x10000, 0xe1, 0, 0}});
  CHECK(conf.devices[2] == DeviceConf{PciAddress{0, 2, 0, 0}});
  CHECK(conf.find({0, 2, 0, 0}) == &conf.devices[2]);
  CHECK(conf.find({0, 3, 0, 0}) == nullptr);
}

TEST_CASE("guest conf: defaults, and other spellings of the same") {
  CHECK(parsed("") == GuestConf{});
  const GuestConf conf = parsed(device);
  CHECK(conf.gpu == Gpu::automatic);
  CHECK(conf.devices.at(0) ==
        DeviceConf{PciAddress{0, 1, 0, 0}, "", Detach::automatic, Reset::none, false, Reserve::no});
  CHECK(parsed("device = [{address = \"01:00.0\"}]") == conf);
  CHECK(parsed("device = []").devices.empty());
  CHECK(parsed("\xef\xbb\xbf[[device]]\r\n\"address\" = '''\r\n01:00.0'''\r\n") == conf);
  CHECK(parsed("guest = \"\"\"\nb\xc3\xa4r\"\"\\\"\"\"\"\"\"\ngpu = 'none' # \xc3\xa4").guest ==
        "b\xc3\xa4r\"\"\"\"\"");
  CHECK(parsed("guest = '\xc3\xa4#\\' # \"\ngpu = \"auto\"").guest == "\xc3\xa4#\\");
  CHECK(parsed("guest = \"b\\u00e4r \\\"x\\\" \\\\\"").guest == "b\xc3\xa4r \"x\" \\");
}

TEST_CASE("guest conf: each choice is read, and printed as it is written") {
  const auto gpu = [](const char* word) { return parsed(std::string("gpu = \"") + word + "\"").gpu; };
  const std::pair<const char*, Gpu> gpus[] = {{"auto", Gpu::automatic},
                                              {"primary", Gpu::primary},
                                              {"secondary", Gpu::secondary},
                                              {"none", Gpu::none}};
  for (const auto& [word, value] : gpus) {
    CHECK(gpu(word) == value);
    CHECK(std::string(to_string(value)) == word);
  }
  const std::pair<const char*, Reset> resets[] = {{"none", Reset::none},
                                                  {"auto", Reset::automatic},
                                                  {"flr", Reset::flr},
                                                  {"pm", Reset::pm},
                                                  {"bus", Reset::bus},
                                                  {"device_specific", Reset::device_specific},
                                                  {"remove-rescan", Reset::remove_rescan}};
  for (const auto& [word, value] : resets) {
    CHECK(parsed(device + "reset = \"" + word + "\"").devices.at(0).reset == value);
    CHECK(std::string(to_string(value)) == word);
  }
  const std::pair<const char*, Detach> detaches[] = {
      {"auto", Detach::automatic}, {"always", Detach::always}, {"never", Detach::never}};
  for (const auto& [word, value] : detaches)
    CHECK(parsed(device + "detach = \"" + word + "\"").devices.at(0).detach == value);
  const std::pair<const char*, Reserve> reserves[] = {
      {"no", Reserve::no}, {"display", Reserve::display}, {"all", Reserve::all}};
  for (const auto& [word, value] : reserves)
    CHECK(parsed(device + "reserve = \"" + word + "\"").devices.at(0).reserve == value);
}

TEST_CASE("guest conf: each setting of a device is its own, in its conf and in the host's defaults") {
  for (const auto& setting : device_settings()) {
    CAPTURE(std::string(setting.key));
    for (const auto word : setting.words) {
      const std::string line = setting.line(word);
      CAPTURE(line);
      const auto host = parse_host_conf("[defaults]\n" + line, "host.toml");
      REQUIRE(host.has_value());
      const DeviceConf said = parsed(device + line).devices.at(0);
      const DeviceConf by_default = parse_guest_conf(device, "win10.toml", host->defaults)->devices.at(0);
      CHECK(said == by_default);
      CHECK(setting.word(said) == word);
      for (const auto& other : device_settings())
        if (&other != &setting) CHECK(std::string(other.word(said)) == other.word(DeviceConf{}));
      // What the conf says holds against the defaults.
      for (const auto stronger : setting.words)
        CHECK(setting.word(
                  parse_guest_conf(device + setting.line(stronger), "f", host->defaults)->devices.at(0)) ==
              stronger);
    }
  }
}

TEST_CASE("guest conf: what is wrong is refused with file, line, column and remedy") {
  struct Case {
    std::string text;
    std::string message;      // the beginning, behind "win10.toml:"
    std::string remedy = {};  // a part
  };
  const Case cases[] = {
      // Not TOML.
      {"gpu = auto\n", "1:7: ", "gpu = \"…\""},
      {"guest = \"a\"\nguest = \"b\"\n", "2:9: Error while parsing key-value pair: cannot redefine"},
      {"guest \"a\"", "1:7: "},
      {"guest = \"a\xff\"", "1:"},
      {"x = " + std::string(1000, '['), "1:"},
      {"a" + std::string(100'000, '.') + "b = 1", "1:1: nested too deeply"},
      {"\n[" + std::string(50, '.') + "]", "2:1: nested too deeply"},
      {"[=\"x\"\n", "1:2: "},  // toml++ 3.3.0 asserts that this cannot be
      {"[[=", "1:3: "},
      {"[a.=", "1:"},
      // Beyond ASCII where TOML has only ASCII: undefined behaviour in toml++ 3.3.0, seen by the sanitizer.
      {"# \xc3\xa4\n\xc3\xa4 = 1\n", "2:1: "},
      {"gpu = \xc3\xa4uto\n", "1:7: "},
      {"gpu = \xe2\x80\x9c"
       "auto\xe2\x80\x9d\n",
       "1:7: "},
      {"gpu\xe3\x81\x82 = 1", "1:4: "},
      {"guest = \"\xc3\xa4\"\xc2\xa0\n", "1:12: "},
      {"guest = \"\"\"\n\\\xc3\xa4\"\"\"\n", "2:2: "},
      {"[d\xc8\x9avice]", "1:3: "},
      {"device =04:00.\x10\"\xef\xbb\xaf", "1:"},
      // Unknown keys.
      {"gpus = \"auto\"\n", "1:1: unknown key 'gpus' outside of a [[device]]", "did you mean 'gpu'?"},
      {"\n  GPU = \"auto\"\n", "2:3: unknown key 'GPU'", "did you mean 'gpu'?"},
      {"devices = []", "1:1: unknown key 'devices'", "did you mean 'device'?"},
      {"colour = 1\n", "1:1: unknown key 'colour'", "known keys here: guest, uuid, gpu, device"},
      {device + "allow-in-use = true\n", "3:1: unknown key 'allow-in-use' in a [[device]]",
       "did you mean 'allow_in_use'?"},
      {device + "rest = \"flr\"\n", "3:1: unknown key 'rest'", "did you mean 'reset'?"},
      {device + "adress = \"x\"\n", "3:1: unknown key 'adress'", "did you mean 'address'?"},
      {device + "gpu = \"auto\"\n", "3:1: unknown key 'gpu' in a [[device]]",
       "above the first line [[device]]"},
      {"reset = \"flr\"\n" + device, "1:1: unknown key 'reset' outside", "below a line [[device]]"},
      {"[host]\n", "1:2: unknown key 'host'"},
      {device + "[device.more]\na = 1\n", "3:9: unknown key 'more' in a [[device]]"},
      {"\"a\\u001b[2J\" = 1\n", "1:1: unknown key 'a\\x1b[2J'"},
      // Wrong types.
      {"guest = 1\n", "1:9: 'guest' must be a string, not an integer", "guest = \"win10\""},
      {"uuid = true\n", "1:8: 'uuid' must be a string, not true or false"},
      {"gpu = [\"auto\"]\n", "1:7: 'gpu' must be a string, not an array"},
      {"gpu = 2024-01-01\n", "1:7: 'gpu' must be a string, not a date or time"},
      {"gpu.auto = 1\n", "1:1: 'gpu' must be a string, not a table"},
      {device + "allow_in_use = \"true\"\n", "3:16: 'allow_in_use' must be true or false, not a string"},
      {device + "allow_in_use = 1\n", "3:16: 'allow_in_use' must be true or false, not an integer"},
      {device + "virsh = 1.5\n", "3:9: 'virsh' must be a string, not a number"},
      {device + "identity = 0x10de\n", "3:12: 'identity' must be a string"},
      {"[[device]]\naddress = 1\n", "2:11: 'address' must be a string", "\"0000:02:00.0\""},
      {"[device]\naddress = \"01:00.0\"\n", "1:1: 'device' must be a list", "[[device]]"},
      {"device = \"01:00.0\"\n", "1:10: 'device' must be a list", "[[device]]"},
      {"device = [\"01:00.0\"]\n", "1:10: 'device' must be a list", "[[device]]"},
      // Values.
      {"gpu = \"primry\"\n", "1:7: 'gpu' cannot be \"primry\"", "did you mean \"primary\"?"},
      {"gpu = \"Auto\"\n", "1:7: 'gpu' cannot be \"Auto\"", "did you mean \"auto\"?"},
      {"gpu = \"\"\n", "1:7: 'gpu' cannot be \"\"", "one of \"auto\", \"primary\", \"secondary\", \"none\""},
      {device + "detach = \"yes\"\n", "3:10: 'detach' cannot be \"yes\"", "\"always\""},
      {device + "reset = \"device-specific\"\n", "3:9: 'reset' cannot be",
       "did you mean \"device_specific\"?"},
      {device + "reset = \"remove_rescan\"\n", "3:9: 'reset' cannot be", "did you mean \"remove-rescan\"?"},
      {device + "reserve = \"yes\"\n", "3:11: 'reserve' cannot be \"yes\"", "\"display\", \"all\""},
      {device + "reserve = true\n", "3:11: 'reserve' must be a string, not true or false"},
      {"uuid = \"4dea22b3\"\n", "1:8: '4dea22b3' is not a UUID"},
      {"uuid = \"4dea22b31d52d8f32516782e98ab3fa0\"\n", "1:8: "},
      {device + "identity = \"10de:2484\"\n", "3:12: '10de:2484' is not an identity",
       "10de:2484 1462:3909 030000"},
      {device + "identity = \"10de:2484  1462:3909 030000\"\n", "3:12: "},
      {device + "identity = \"10dg:2484 1462:3909 030000\"\n", "3:12: "},
      // Addresses.
      {"[[device]]\n", "1:1: this device has no address", "address = "},
      {device + "\n[[device]]\nvirsh = \"pci_0000_02_00_0\"\n", "4:1: this device has no address"},
      {"[[device]]\naddress = \"0000:01:0.0\"\n", "2:11: '0000:01:0.0' is not a PCI address",
       "did you mean 0000:01:00.0?"},
      {device + "\n[[device]]\naddress = \"01:00.0\"\n",
       "5:11: 0000:01:00.0 is listed twice, first in line 2"},
      {device + "virsh = \"pci_0000_01_00_1\"\n",
       "3:9: virsh = 'pci_0000_01_00_1' is not the device at address "
       "0000:01:00.0",
       "virsh = \"pci_0000_01_00_0\""},
      {"[[device]]\nvirsh = \"pci_0000_01_00_1\"\naddress = \"0000:01:00.0\"\n", "2:9: virsh = "},
      {device + "virsh = \"\"\n", "3:9: virsh = ''"},
  };
  for (const Case& c : cases) {
    const std::string text = c.text.substr(0, 200);
    CAPTURE(text);
    const auto conf = parse_guest_conf(c.text, "win10.toml");
    REQUIRE(!conf.has_value());
    CHECK(conf.error().kind == ErrorKind::bad_input);
    CHECK(conf.error().message.substr(0, 11 + c.message.size()) == "win10.toml:" + c.message);
    CAPTURE(conf.error().remedy);
    CHECK(conf.error().remedy.find(c.remedy) != std::string::npos);
  }
}

TEST_CASE("guest conf: suggestions are near, or not made") {
  const std::vector<std::string_view> known = {"address", "detach", "reset"};
  CHECK(nearest("detahc", known) == "detach");
  CHECK(nearest("Reset", known) == "reset");
  CHECK(nearest("", known).empty());
  CHECK(nearest("identity", known).empty());
  CHECK(nearest(std::string(100'000, 'a'), known).empty());
}
