#include "config/sync.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "config/conf_text.h"

using namespace qh::config;
using qh::ErrorKind;
using qh::PciAddress;

namespace {

constexpr PciAddress gpu{0, 1, 0, 0}, sound{0, 1, 0, 1}, nic{0, 3, 0x10, 2};
const std::string card = "10de:2484 1462:3909 030000", other_card = "1002:73bf 1da2:438e 030000";

Synced synced(const std::string& text, const WantedGuest& guest, OnOtherCard on_other_card = OnOtherCard::keep) {
  auto result = sync(text, "win10.toml", guest, on_other_card);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().message));
  CHECK(result->changed == (result->text != text));
  // Whatever was done, doing it again does nothing.
  const auto again = sync(result->text, "win10.toml", guest, on_other_card);
  REQUIRE_MESSAGE(again.has_value(), (again ? "" : again.error().message));
  CHECK(again->text == result->text);
  CHECK(!again->changed);
  CHECK(again->added.empty());
  CHECK(again->dropped.empty());
  CHECK(again->accepted.empty());
  CHECK(again->conf == result->conf);
  return *result;
}

qh::Error refused(const std::string& text, const WantedGuest& guest, OnOtherCard on_other_card = OnOtherCard::keep) {
  const auto result = sync(text, "win10.toml", guest, on_other_card);
  REQUIRE(!result.has_value());
  CHECK(result.error().kind == ErrorKind::bad_input);
  return result.error();
}

WantedGuest win10(std::vector<WantedDevice> devices) { return {"win10", "", std::move(devices)}; }

std::string with_crlf(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

// What sync() writes for a device of which only the address is known.
std::string written(const PciAddress& address) {
  std::string out;
  for (const std::string& line : device_block({address})) out += line + "\n";
  return out;
}

}  // namespace

TEST_CASE("sync: a new conf") {
  const WantedGuest guest = {"win10",
                             "4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
                             {{gpu, card, "NVIDIA GA104 [GeForce RTX 3070]"}, {nic}}};
  const std::string expected = R"(# Devices of the host that win10 uses. qemu-hook keeps the list in step with the domain's XML;
# settings and comments are yours and stay.
guest = "win10"
uuid  = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
gpu   = "auto"                # auto | primary | secondary | none

[[device]]                    # NVIDIA GA104 [GeForce RTX 3070]
address  = "0000:01:00.0"
virsh    = "pci_0000_01_00_0"
identity = "10de:2484 1462:3909 030000"  # vendor:device, subsystem, class: the card that was meant
# detach = "auto"             # auto | always | never
# reset  = "none"             # none | auto | flr | pm | bus | device_specific | remove-rescan
# allow_in_use = false        # hand it over although the host uses it

[[device]]
address  = "0000:03:10.2"
virsh    = "pci_0000_03_10_2"
# detach = "auto"             # auto | always | never
# reset  = "none"             # none | auto | flr | pm | bus | device_specific | remove-rescan
# allow_in_use = false        # hand it over although the host uses it
)";
  for (const char* empty : {"", "\n", " \r\n\t\n", "\xef\xbb\xbf"}) {
    const Synced s = synced(empty, guest);
    CHECK(s.text == expected);
    CHECK(s.changed);
    CHECK(s.added == std::vector<PciAddress>{gpu, nic});
    CHECK(s.kept.empty());
    CHECK(s.dropped.empty());
    CHECK(s.conf.guest == "win10");
    CHECK(s.conf.uuid == guest.uuid);
    REQUIRE(s.conf.devices.size() == 2);
    CHECK(s.conf.devices[0] == DeviceConf{gpu, card});
    CHECK(s.conf.devices[1] == DeviceConf{nic});
  }
  // What is written commented out can be used by taking the '#' away.
  std::string used = expected;
  for (const char* setting : {"# detach", "# reset", "# allow"})
    for (auto at = used.find(setting); at != std::string::npos; at = used.find(setting)) used.erase(at, 2);
  CHECK(parse_guest_conf(used, "f").has_value());
}

TEST_CASE("sync: a guest without devices gets a conf too") {
  const Synced s = synced("", {"g", "", {}});
  CHECK(s.text ==
        "# Devices of the host that g uses. qemu-hook keeps the list in step with the domain's XML;\n"
        "# settings and comments are yours and stay.\n"
        "guest = \"g\"\n"
        "gpu   = \"auto\"                # auto | primary | secondary | none\n");
}

TEST_CASE("sync: a conf that needs nothing is left as it is, however it looks") {
  const std::string texts[] = {
      "guest=\"win10\"\n[[device]]\naddress=\"01:00.0\"",
      "\xef\xbb\xbf# x\r\n\r\n\r\nguest = 'win10'\n  [[ device ]] # y\n\taddress\t=\t'pci_0000_01_00_0'   \n\n\n",
      "guest = \"\"\"win10\"\"\"\ndevice = [ { address = \"01:00.0\" } ]\n",
      "\"guest\" = \"win\\u0031\\u0030\"\n[[\"device\"]]\n'address' = \"01:00.0\"\nreset = \"flr\" # why not\n#\n#",
  };
  for (const std::string& text : texts) {
    CAPTURE(text);
    const Synced s = synced(text, win10({{gpu}}));
    CHECK(s.text == text);
    CHECK(s.kept == std::vector<PciAddress>{gpu});
  }
}

TEST_CASE("sync: devices come and go, all else stays byte for byte") {
  struct Case {
    std::string what;
    std::string before;
    std::vector<PciAddress> wanted;
    std::string after;
  };
  const std::string head = "# mine\nguest = \"win10\"   # x\n";
  const std::string g = "[[device]]\naddress = \"01:00.0\"\n", s = "[[device]]\naddress = \"01:00.1\"\n",
                    n = "[[device]]\naddress = \"03:10.2\"\n";
  const Case cases[] = {
      {"add to none", head, {gpu}, head + "\n" + written(gpu)},
      {"add behind the last", head + "\n" + g + "\n" + s, {gpu, sound, nic},
       head + "\n" + g + "\n" + s + "\n" + written(nic)},
      {"add two, in the XML's order", head + g, {nic, gpu, sound}, head + g + "\n" + written(nic) + "\n" + written(sound)},
      {"add before what follows", head + g + "\n# the end\n", {gpu, nic}, head + g + "\n" + written(nic) + "\n# the end\n"},
      {"add before blank lines at the end", head + g + "\n \n", {gpu, nic}, head + g + "\n" + written(nic) + "\n \n"},
      {"add to none, blank lines at the end", head + "\n\n", {nic}, head + "\n" + written(nic) + "\n\n"},
      {"drop the only one", head + "\n" + g, {}, head},
      {"drop the first", head + "\n" + g + "\n" + s, {sound}, head + "\n" + s},
      {"drop the middle", head + "\n" + g + "\n" + s + "\n" + n, {gpu, nic}, head + "\n" + g + "\n" + n},
      {"drop the last", head + "\n" + g + "\n" + s, {gpu}, head + "\n" + g},
      {"drop all", head + "\n" + g + "\n" + s + "\n" + n, {}, head},
      {"drop without blank lines", head + g + s + n, {gpu, nic}, head + g + n},
      {"drop all without blank lines", head + g + s + n, {}, head},
      {"drop keeps wider gaps", head + "\n\n\n" + g + "\n\n" + s, {sound}, head + "\n\n\n\n" + s},
      {"drop at the beginning", g + "\n# x\n" + "[[device]]\naddress = \"01:00.1\"\n", {sound},
       "guest = \"win10\"\n\n# x\n[[device]]\naddress = \"01:00.1\"\n"},
      {"drop and add", head + "\n" + g + "\n" + s + "\n# end\n", {gpu, nic},
       head + "\n" + g + "\n" + written(nic) + "\n# end\n"},
      {"replace all", head + "\n" + g, {nic}, head + "\n" + written(nic)},
      {"comments before a device stay", head + "\n# about it\n" + g + "\n" + s, {sound},
       head + "\n# about it\n\n" + s},
      {"comments behind a blank line stay", head + "\n" + g + "\n# about it\n\n" + s, {sound},
       head + "\n# about it\n\n" + s},
      {"comments that hang on to it go", head + "\n" + g + "# reset = \"flr\"\n  # told me so\n\n" + s, {sound},
       head + "\n" + s},
      {"comments and blank lines within it go",
       head + "\n[[device]] # a\n# b\n\naddress = \"01:00.0\" # c\n\n# d\nreset = \"flr\"\n# e\n\n# f\n\n" + s, {sound},
       head + "\n# f\n\n" + s},
      {"comments between two belong to the second", head + g + "# the sound\n# of it\n" + s, {sound},
       head + "# the sound\n# of it\n" + s},
      {"but settings commented out do not", head + g + "# reset = \"flr\"\n#allow_in_use=true\n# the sound\n" + s,
       {sound}, head + "# the sound\n" + s},
      {"a longer word is no setting", head + g + "# resetting = bad\n" + s, {sound},
       head + "# resetting = bad\n" + s},
      {"indented, odd and spread", head + "  [[ \"device\" ]]\n   'address'=  '''\n01:00.0'''# x\n   # y\n\n" + s, {sound},
       head + "\n" + s},
      {"mixed line ends", head + "\r\n[[device]]\r\naddress = \"01:00.0\"\n\r\n" + s, {sound}, head + "\r\n" + s},
      {"no newline at the end", head + g + "reset = \"flr\"", {gpu, nic},
       head + g + "reset = \"flr\"\n\n" + written(nic).substr(0, written(nic).size() - 1)},
      {"no newline at the end, dropped", head + "\n" + g + "reset = \"flr\"", {}, head.substr(0, head.size() - 1)},
      {"a mark at the beginning", "\xef\xbb\xbf" + head + g, {gpu, nic}, "\xef\xbb\xbf" + head + g + "\n" + written(nic)},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    std::vector<WantedDevice> wanted;
    for (const PciAddress& address : c.wanted) wanted.push_back({address});
    const Synced result = synced(c.before, win10(wanted));
    CHECK(result.text == c.after);
    CHECK(result.conf.devices.size() == c.wanted.size());
    // The same with the other line ends.
    if (c.before.find('\r') == std::string::npos)
      CHECK(synced(with_crlf(c.before), win10(wanted)).text == with_crlf(c.after));
  }
}

TEST_CASE("sync: what was added, kept and dropped is told") {
  const std::string text = "guest = \"win10\"\n[[device]]\naddress = \"01:00.1\"\n[[device]]\naddress = \"01:00.0\"\n";
  const Synced s = synced(text, win10({{nic}, {gpu}, {nic}, {gpu}}));
  CHECK(s.added == std::vector<PciAddress>{nic});
  CHECK(s.kept == std::vector<PciAddress>{gpu});
  CHECK(s.dropped == std::vector<PciAddress>{sound});
  CHECK(s.conf.devices.size() == 2);
}

TEST_CASE("sync: adding, then dropping again gives the old text") {
  const std::string heads[] = {"guest = \"win10\"", "# c\n\nguest = \"win10\"\ngpu = \"none\"",
                               "\xef\xbb\xbfguest = \"win10\" # ä"};
  const std::string gaps[] = {"\n", "\n\n", "\n \n", "\n\n\n", "\n# c\n\n", "\n\n# c\n", "\n# reset = \"flr\"\n"};
  const std::string tails[] = {"", "\n", "\n\n", "\n\t\n", "\n\n\n", "\n# c", "\n# c\n", "\n\n# c\n", "\n\n# c\n\n"};
  const std::string device = "[[device]]\naddress = \"01:00.1\"";
  int checked = 0;
  for (const std::string& head : heads)
    for (const std::string& gap : gaps)
      for (const std::string& tail : tails)
        for (int devices = 0; devices < 3; ++devices)
          for (const bool crlf : {false, true}) {
            std::string text = head;
            std::vector<WantedDevice> old;
            if (devices > 0) {
              text += gap + device;
              old.push_back({sound});
            }
            if (devices > 1) {
              text += gap + "[[device]] # x\naddress = \"04:00.0\"";
              old.push_back({{0, 4, 0, 0}});
            }
            text += tail;
            if (crlf) text = with_crlf(text);
            CAPTURE(text);
            auto more = old;
            more.insert(more.begin(), {gpu, card, "name"});
            more.push_back({nic});
            const Synced added = synced(text, win10(more));
            CHECK(added.added.size() == 2);
            CHECK(synced(added.text, win10(old)).text == text);
            if (text.find('\r') != std::string::npos)
              CHECK(std::count(added.text.begin(), added.text.end(), '\n') ==
                    std::count(added.text.begin(), added.text.end(), '\r'));
            ++checked;
          }
  CHECK(checked == 3 * 7 * 9 * 3 * 2);
}

TEST_CASE("sync: user's settings survive") {
  const std::string text =
      "guest = \"win10\"\ngpu=\"primary\"\n\n[[device]]\naddress = \"01:00.0\"\ndetach = \"never\"\nreset = \"bus\"\n"
      "allow_in_use = true\n";
  const Synced s = synced(text, win10({{nic}, {gpu, card}}));
  CHECK(s.conf.gpu == Gpu::primary);
  CHECK(s.conf.devices.at(0) == DeviceConf{gpu, card, Detach::never, Reset::bus, true});
  CHECK(s.text == "guest = \"win10\"\ngpu=\"primary\"\n\n[[device]]\naddress = \"01:00.0\"\nidentity = \"" + card +
                      "\"\ndetach = \"never\"\nreset = \"bus\"\nallow_in_use = true\n\n" + written(nic));
}

TEST_CASE("sync: a missing identity is filled in, where the others are") {
  struct Case {
    std::string before;
    std::string after;
  };
  const std::string line = "\"" + card + "\"";
  const Case cases[] = {
      {"[[device]]\naddress  = \"01:00.0\"\nvirsh    = \"pci_0000_01_00_0\"\n# x\n",
       "[[device]]\naddress  = \"01:00.0\"\nvirsh    = \"pci_0000_01_00_0\"\nidentity = " + line + "\n# x\n"},
      {"[[device]]\nvirsh = \"pci_0000_01_00_0\"\nreset = \"flr\"\naddress = \"01:00.0\"\n",
       "[[device]]\nvirsh = \"pci_0000_01_00_0\"\nidentity = " + line + "\nreset = \"flr\"\naddress = \"01:00.0\"\n"},
      {"[[device]]\naddress=\"01:00.0\" # x", "[[device]]\naddress=\"01:00.0\" # x\nidentity = " + line},
      {"[[device]]\n\taddress    = \"01:00.0\"\n", "[[device]]\n\taddress    = \"01:00.0\"\n\tidentity   = " + line + "\n"},
      {"[[device]]\naddress = '''\n01:00.0'''\nreset = \"pm\"\n",
       "[[device]]\naddress = '''\n01:00.0'''\nidentity = " + line + "\nreset = \"pm\"\n"},
      // There, but empty.
      {"[[device]]\naddress = \"01:00.0\"\nidentity = ''  # x\n",
       "[[device]]\naddress = \"01:00.0\"\nidentity = " + line + "  # x\n"},
      {"device = [ { address = \"01:00.0\", identity = \"\" } ]\n",
       "device = [ { address = \"01:00.0\", identity = " + line + " } ]\n"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.before);
    const std::string head = "guest = \"win10\" # \xc3\xa4\n";
    const Synced s = synced(head + c.before, win10({{gpu, card}}));
    CHECK(s.text == head + c.after);
    CHECK(s.accepted.empty());
    CHECK(s.kept == std::vector<PciAddress>{gpu});
    CHECK(synced(with_crlf(head + c.before), win10({{gpu, card}})).text == with_crlf(head + c.after));
  }
}

TEST_CASE("sync: another card at the address") {
  const auto text = [](const std::string& identity) {
    return "guest = \"win10\"\n[[device]]\naddress = \"01:00.0\"\n\tidentity= " + identity + "\t# what I bought\n";
  };
  const std::string old = text("'" + card + "'");
  SUBCASE("is left to be refused") {
    const Synced s = synced(old, win10({{gpu, other_card}}), OnOtherCard::keep);
    CHECK(s.text == old);
    CHECK(s.conf.devices.at(0).identity == card);
    CHECK(s.accepted.empty());
  }
  SUBCASE("or accepted") {
    const Synced s = synced(old, win10({{gpu, other_card}}), OnOtherCard::accept);
    CHECK(s.text == text("\"" + other_card + "\""));
    CHECK(s.conf.devices.at(0).identity == other_card);
    CHECK(s.accepted == std::vector<PciAddress>{gpu});
    CHECK(s.kept == std::vector<PciAddress>{gpu});
  }
  SUBCASE("no card there is not another card") {
    CHECK(synced(old, win10({{gpu}}), OnOtherCard::accept).text == old);
  }
  SUBCASE("the same in other letters is the same") {
    const std::string upper = text("\"10DE:2484 1462:3909 030000\"");
    CHECK(synced(upper, win10({{gpu, card}}), OnOtherCard::accept).text == upper);
    CHECK(synced(old, win10({{gpu, "10DE:2484 1462:3909 030000"}}), OnOtherCard::accept).text == old);
  }
}

TEST_CASE("sync: guest and uuid") {
  const std::string uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", other = "11111111-2222-3333-4444-555555555555";
  const std::string device = "[[device]]\naddress = \"01:00.0\"\n";
  struct Case {
    std::string before;
    std::string after;
  };
  const std::string g = "guest = \"win10\"\n", u = "uuid  = \"" + uuid + "\"\n";
  const Case cases[] = {
      {g + device, g + u + device},
      {"guest=\"win10\"#x\ngpu=\"none\"\n" + device,
       "guest=\"win10\"#x\nuuid = \"" + uuid + "\"\ngpu=\"none\"\n" + device},
      {"  gpu     = \"none\"\nguest = \"\"\"win10\"\"\"\n" + device,
       "  gpu     = \"none\"\nguest = \"\"\"win10\"\"\"\n" + u + device},
      {u + device, g + u + device},
      {"# c\ngpu   = \"none\"\n" + device, "# c\n" + g + u + "gpu   = \"none\"\n" + device},
      {"gpu = \"none\"\nuuid = \"" + uuid + "\"\n" + device,
       "gpu = \"none\"\nguest = \"win10\"\nuuid = \"" + uuid + "\"\n" + device},
      {device, g + u + "\n" + device},
      {"\n" + device, g + u + "\n" + device},
      {"# about the device\n" + device, g + u + "\n# about the device\n" + device},
      {"# about the file\n\n" + device, "# about the file\n" + g + u + "\n" + device},
      {"\xef\xbb\xbf" + device, "\xef\xbb\xbf" + g + u + "\n" + device},
      {"guest = ''  # x\nuuid = '' # y\n" + device, "guest = \"win10\"  # x\nuuid = \"" + uuid + "\" # y\n" + device},
      {g + "uuid = \"" + other + "\"   # y\n" + device, g + "uuid = \"" + uuid + "\"   # y\n" + device},
      {g + "uuid = \"4DEA22B3-1D52-D8F3-2516-782E98AB3FA0\"\n" + device,
       g + "uuid = \"4DEA22B3-1D52-D8F3-2516-782E98AB3FA0\"\n" + device},
  };
  for (const Case& c : cases) {
    CAPTURE(c.before);
    CHECK(synced(c.before, {"win10", uuid, {{gpu}}}).text == c.after);
    CHECK(synced(with_crlf(c.before), {"win10", uuid, {{gpu}}}).text == with_crlf(c.after));
  }
  // The XML has none: the conf's stays.
  CHECK(synced(g + u + device, win10({{gpu}})).conf.uuid == uuid);
  CHECK(synced("# only a comment", {"win10", "", {}}).text == "# only a comment\nguest = \"win10\"");
  CHECK(synced("# only a comment\n", {"win10", uuid, {{gpu}}}).text ==
        "# only a comment\n" + g + u + "\n" + written(gpu));
  CHECK(synced(g + u + device, {"win10", "4DEA22B3-1D52-D8F3-2516-782E98AB3FA0", {{gpu}}}).text == g + u + device);

  const qh::Error error = refused("\n guest = \"win11\"\n" + device, {"win10", uuid, {{gpu}}});
  CHECK(error.message == "win10.toml:2:10: this is the conf of guest 'win11', not of 'win10'");
}

TEST_CASE("sync: everything at once") {
  const std::string before =
      "# top\ngpu = \"secondary\"\n\n# first\n[[device]]\naddress = \"01:00.0\"\nreset = \"flr\"\n\n"
      "# second\n[[device]]\naddress = \"05:00.0\"\n# gone\n\n# third\n[[device]]\n  address  = \"01:00.1\"\n"
      "  identity = \"" + card + "\"\n\n# bottom\n";
  const std::string after =
      "# top\nguest = \"win10\"\nuuid = \"11111111-2222-3333-4444-555555555555\"\ngpu = \"secondary\"\n\n"
      "# first\n[[device]]\naddress = \"01:00.0\"\nidentity = \"" + card + "\"\nreset = \"flr\"\n\n# second\n\n"
      "# third\n[[device]]\n  address  = \"01:00.1\"\n  identity = \"" + other_card + "\"\n\n" + written(nic) + "\n# bottom\n";
  const WantedGuest guest = {"win10", "11111111-2222-3333-4444-555555555555", {{nic}, {gpu, card}, {sound, other_card}}};
  const Synced s = synced(before, guest, OnOtherCard::accept);
  CHECK(s.text == after);
  CHECK(synced(with_crlf(before), guest, OnOtherCard::accept).text == with_crlf(after));
}

TEST_CASE("sync: names from outside cannot break the conf") {
  const std::string names[] = {"a\"b", "back\\slash", "new\nline", "tab\there", "\x1b[2J", "b\xc3\xa4r \xe2\x82\xac \xf0\x9f\x98\x80",
                               "c1 \xc2\x9b\x32J", "line \xe2\x80\xa8 separator", "x\x7f", "# no comment", "]] = [[", "'''", "",
                               "a\r\n[[device]]\naddress = \"09:00.0\"", std::string(1000, 'n')};
  for (const std::string& name : names) {
    CAPTURE(name);
    const Synced s = synced("", {name, "", {{gpu, card, name}, {nic, "", "\xff" + name + "\x01\xc3"}}});
    CHECK(s.conf.guest == name);
    CHECK(s.conf.devices.size() == 2);
    for (char c : s.text) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
    CHECK(s.text.find("\xc2\x9b") == std::string::npos);
    CHECK(valid_utf8(s.text));
  }
  CHECK(synced("", {"g", "", {{gpu, "", "two\nlines\x1b"}}}).text.find("[[device]]                    # two lines\n") !=
        std::string::npos);
  for (const char* name : {"\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    CHECK(refused("", {name, "", {}}).message.find("is not valid UTF-8") != std::string::npos);
    CHECK(refused("guest = \"x\"\n", {name, "", {}}).message.find("is not valid UTF-8") != std::string::npos);
  }
}

TEST_CASE("sync: what cannot be edited safely is refused") {
  const std::string g = "guest = \"win10\"\n";
  struct Case {
    std::string text;
    std::vector<WantedDevice> wanted;
    std::string message;
    std::string remedy;
    OnOtherCard on_other_card = OnOtherCard::keep;
  };
  const Case cases[] = {
      {g + "device = [ { address = \"01:00.0\" } ]\n", {}, "win10.toml:2:12: cannot edit this", "[[device]]"},
      {g + "device = [ { address = \"01:00.0\" } ]\n", {{gpu}, {nic}}, "win10.toml:2:12: cannot edit this", "[[device]]"},
      {g + "device = [ { address = \"01:00.0\" } ]\n", {{gpu, card}}, "win10.toml:2:12: cannot edit this", "[[device]]"},
      {g + "device = [\n{ address = \"01:00.0\" },\n]\n", {}, "win10.toml:3:1: cannot edit this", "[[device]]"},
      {g + "device = []\n", {{gpu}}, "win10.toml:2:1: cannot edit this", "delete this line"},
      {g + "[[device]]\naddress = \"01:00.0\"\nidentity = '''\n" + card + "'''\n", {{gpu, other_card}},
       "win10.toml:4:12: cannot edit this", "one line", OnOtherCard::accept},
      // Broken, unknown: as reading says.
      {g + "[[device]]\n", {}, "win10.toml:2:1: this device has no address", ""},
      {g + "x = 1\n", {}, "win10.toml:2:1: unknown key 'x'", ""},
      {g + "x\n", {}, "win10.toml:2:", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const qh::Error error = refused(c.text, win10(c.wanted), c.on_other_card);
    CHECK(error.message.substr(0, c.message.size()) == c.message);
    CHECK(error.remedy.find(c.remedy) != std::string::npos);
  }
  // A value that is not what it should be never reaches the file.
  CHECK(refused(g, win10({{gpu, "not an identity"}})).message.find("cannot edit this file") != std::string::npos);
  CHECK(refused(g, {"win10", "no uuid", {}}).message.find("cannot edit this file") != std::string::npos);
  refused("", {"g", "no uuid", {}});
}

TEST_CASE("sync: is quick") {
  std::vector<WantedDevice> devices;
  for (unsigned bus = 1; bus < 64; ++bus) devices.push_back({{0, static_cast<std::uint8_t>(bus), 0, 0}, card, "name"});
  const std::string text = synced("", win10(devices)).text;
  const auto begin = std::chrono::steady_clock::now();
  CHECK(!sync(text, "f", win10(devices), OnOtherCard::keep)->changed);
  const auto took = std::chrono::steady_clock::now() - begin;
  MESSAGE(text.size() << " bytes, 63 devices, nothing to do: "
                      << std::chrono::duration_cast<std::chrono::microseconds>(took).count() << " us");
  CHECK(took < std::chrono::milliseconds(500));
}
