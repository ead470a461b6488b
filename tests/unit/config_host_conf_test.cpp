#include "config/host_conf.h"

#include <doctest/doctest.h>

#include <string>

using namespace qh::config;
using namespace std::chrono_literals;
using qh::ErrorKind;

namespace {

HostConf parsed(const std::string& text) {
  auto conf = parse_host_conf(text, "host.toml");
  REQUIRE_MESSAGE(conf.has_value(), (conf ? "" : conf.error().message));
  return *conf;
}

}  // namespace

TEST_CASE("host conf: an empty one says the defaults") {
  for (const char* text : {"", "# nothing\n", "[deadlines]\n"}) {
    const HostConf conf = parsed(text);
    CHECK(conf.backend == Backend::automatic);
    CHECK(conf.deadlines.connect == 3s);
    CHECK(conf.deadlines.detach == 20s);
    CHECK(conf.deadlines.reattach == 20s);
    CHECK(conf.deadlines.holders == 15s);
    CHECK(conf.deadlines.display_manager == 30s);
    CHECK(conf.deadlines.lock == 30s);
    CHECK(conf.deadlines.whole == 120s);
  }
}

TEST_CASE("host conf: every key is read") {
  const HostConf conf = parsed(
      "backend = \"sysfs\"\n[deadlines]\nconnect = 1\ndetach = 2.5\nreattach = 3600\nholders = 0.001\n"
      "display_manager = 5\nlock = 1e1\nwhole = 600\n");
  CHECK(conf.backend == Backend::sysfs);
  CHECK(conf.deadlines.connect == 1s);
  CHECK(conf.deadlines.detach == 2500ms);
  CHECK(conf.deadlines.reattach == 3600s);
  CHECK(conf.deadlines.holders == 1ms);
  CHECK(conf.deadlines.display_manager == 5s);
  CHECK(conf.deadlines.lock == 10s);
  CHECK(conf.deadlines.whole == 600s);
  CHECK(parsed("backend = \"auto\"").backend == Backend::automatic);
  CHECK(parsed("backend = \"libvirt\"").backend == Backend::libvirt);
  CHECK(parsed("write_confs = true").write_confs);
  CHECK_FALSE(parsed("write_confs = false").write_confs);
  CHECK(parsed("deadlines = {lock = 7}").deadlines.lock == 7s);
  CHECK(parsed("deadlines.lock = 7").deadlines.lock == 7s);
  // Above 0 stays above 0.
  CHECK(parsed("deadlines.lock = 0.0000001").deadlines.lock == 1ms);
}

TEST_CASE("host conf: what is wrong is refused") {
  struct Case {
    std::string text;
    std::string message;  // the beginning, behind "host.toml:"
    std::string remedy = {};
  };
  const std::string range = "must be above 0 and at most 3600 seconds";
  const Case cases[] = {
      {"backend = \"virsh\"\n", "1:11: 'backend' cannot be \"virsh\"",
       "one of \"auto\", \"libvirt\", \"sysfs\""},
      {"backend = \"libvrit\"\n", "1:11: ", "did you mean \"libvirt\"?"},
      {"backend = 1\n", "1:11: 'backend' must be a string"},
      {"bakend = \"auto\"\n", "1:1: unknown key 'bakend'", "did you mean 'backend'?"},
      {"connect = 3\n", "1:1: unknown key 'connect' outside of [deadlines]", "below a line [deadlines]"},
      {"[deadlines]\nbackend = \"auto\"\n", "2:1: unknown key 'backend' in [deadlines]",
       "above the line [deadlines]"},
      {"[deadlines]\ndetatch = 3\n", "2:1: unknown key 'detatch'", "did you mean 'detach'?"},
      {"reserve = \"no\"\n", "1:1: unknown key 'reserve' outside of [defaults]", "below a line [defaults]"},
      {"write_confs = 1\n", "1:15: 'write_confs' must be true or false", "write_confs = false"},
      {"[defaults]\nreserved = \"no\"\n", "2:1: unknown key 'reserved' in [defaults]",
       "did you mean 'reserve'?"},
      {"[defaults]\nallow_in_use = \"no\"\n", "2:16: 'allow_in_use' must be true or false",
       "allow_in_use = true"},
      {"[[deadlines]]\n", "1:1: 'deadlines' must be a table", "[deadlines]"},
      {"deadlines = 3\n", "1:13: 'deadlines' must be a table"},
      {"[deadlines]\nlock = \"3\"\n", "2:8: 'lock' must be a number, not a string", "lock = 20"},
      {"[deadlines]\nlock = true\n", "2:8: 'lock' must be a number"},
      {"[deadlines]\nlock = 0\n", "2:8: 'lock' " + range},
      {"[deadlines]\nlock = -1\n", "2:8: 'lock' " + range},
      {"[deadlines]\nlock = 3601\n", "2:8: 'lock' " + range},
      {"[deadlines]\nlock = 3600.5\n", "2:8: 'lock' " + range},
      {"[deadlines]\nlock = nan\n", "2:8: 'lock' " + range},
      {"[deadlines]\nlock = inf\n", "2:8: 'lock' " + range},
      {"[deadlines]\nlock = 9223372036854775807\n", "2:8: 'lock' " + range},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto conf = parse_host_conf(c.text, "host.toml");
    REQUIRE(!conf.has_value());
    CHECK(conf.error().kind == ErrorKind::bad_input);
    CHECK(conf.error().message.substr(0, 10 + c.message.size()) == "host.toml:" + c.message);
    CAPTURE(conf.error().remedy);
    CHECK(conf.error().remedy.find(c.remedy) != std::string::npos);
  }
}
