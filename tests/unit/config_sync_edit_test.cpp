// sync(): single values, names from outside, and what is refused.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/sync.h"
#include "config_sync_support.h"
#include "core/text.h"

using namespace sync_test;

TEST_CASE("sync: user's settings survive") {
  const std::string text =
      "guest = \"win10\"\ngpu=\"primary\"\n\n[[device]]\naddress = \"01:00.0\"\ndetach = \"never\"\nreset = "
      "\"bus\"\n"
      "allow_in_use = true\n";
  const Synced s = synced(text, win10({{nic}, {gpu, card}}));
  CHECK(s.conf.gpu == Gpu::primary);
  CHECK(s.conf.devices.at(0) == DeviceConf{gpu, card, Detach::never, Reset::bus, true});
  CHECK(s.text == "guest = \"win10\"\ngpu=\"primary\"\n\n[[device]]\naddress = \"01:00.0\"\nidentity = \"" +
                      card + "\"\ndetach = \"never\"\nreset = \"bus\"\nallow_in_use = true\n\n" +
                      written(nic));
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
       "[[device]]\nvirsh = \"pci_0000_01_00_0\"\nidentity = " + line +
           "\nreset = \"flr\"\naddress = \"01:00.0\"\n"},
      {"[[device]]\naddress=\"01:00.0\" # x", "[[device]]\naddress=\"01:00.0\" # x\nidentity = " + line},
      {"[[device]]\n\taddress    = \"01:00.0\"\n",
       "[[device]]\n\taddress    = \"01:00.0\"\n\tidentity   = " + line + "\n"},
      {"[[device]]\naddress = '''\n01:00.0'''\nreset = \"pm\"\n",
       "[[device]]\naddress = '''\n01:00.0'''\nidentity = " + line + "\nreset = \"pm\"\n"},
      // There, but empty.
      {"[[device]]\naddress = \"01:00.0\"\nidentity = ''  # x\n",
       "[[device]]\naddress = \"01:00.0\"\nidentity = " + line + "  # x\n"},
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
    return "guest = \"win10\"\n[[device]]\naddress = \"01:00.0\"\n\tidentity= " + identity +
           "\t# what I bought\n";
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
  const std::string uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
                    other = "11111111-2222-3333-4444-555555555555";
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
      {"guest = ''  # x\nuuid = '' # y\n" + device,
       "guest = \"win10\"  # x\nuuid = \"" + uuid + "\" # y\n" + device},
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
  CHECK(synced(g + u + device, {"win10", "4DEA22B3-1D52-D8F3-2516-782E98AB3FA0", {{gpu}}}).text ==
        g + u + device);

  const qh::Error error = refused("\n guest = \"win11\"\n" + device, {"win10", uuid, {{gpu}}});
  CHECK(error.message == "win10.toml:2:10: this is the conf of guest 'win11', not of 'win10'");
}

TEST_CASE(
    "sync: a setting that is wanted replaces its line, wakes the one that is commented out, or is added") {
  const auto reserved = [](const std::string& text, Reserve level) {
    const auto s = synced(text, win10({{gpu, "", "", level}}));
    CHECK(s.conf.devices.at(0).reserve == level);
    CHECK(synced(with_crlf(text), win10({{gpu, "", "", level}})).text == with_crlf(s.text));
    return s.text;
  };
  const std::string head = "guest = \"win10\"\n\n[[device]]\naddress = \"01:00.0\"\n";
  CHECK(reserved(head + "reserve = 'all'  # mine\nreset = \"flr\"\n", Reserve::display) ==
        head + "reserve = \"display\"  # mine\nreset = \"flr\"\n");
  CHECK(reserved(head + "  # reserve = \"no\"      # what\n# end\n", Reserve::all) ==
        head + "  reserve = \"all\"       # what\n# end\n");
  CHECK(reserved(head + "  # reserve = \"no\" # what\n", Reserve::display) ==
        head + "  reserve = \"display\" # what\n");
  CHECK(reserved(head + "reset   = \"flr\"\n\n# end\n", Reserve::display) ==
        head + "reset   = \"flr\"\nreserve = \"display\"\n\n# end\n");
  // As it is: not written.
  CHECK(reserved(head, Reserve::no) == head);
  CHECK(reserved(head + "reserve = 'all'\n", Reserve::all) == head + "reserve = 'all'\n");
  // What is not wanted otherwise stays.
  CHECK(synced(head + "reserve = 'all'\n", win10({{gpu}})).text == head + "reserve = 'all'\n");
  // Where the host's defaults say something else, "no" has to be said.
  CHECK(synced(head, {"win10", "", {{gpu, "", "", Reserve::no}}, Reserve::all}).text ==
        head + "reserve = \"no\"\n");
  // Beside a device that is new, and one that goes.
  const std::string off = "# reserve = \"no\"\n", block = "\n[[device]]\naddress = \"05:00.0\"\n";
  CHECK(synced(head + off + block, win10({{gpu, "", "", Reserve::display}, {nic}})).text ==
        head + "reserve = \"display\"\n\n" + written(nic));
  CHECK(synced("", win10({{gpu, "", "", Reserve::display}})).conf.devices.at(0).reserve == Reserve::display);
}

TEST_CASE("sync: everything at once") {
  const std::string before =
      "# top\ngpu = \"secondary\"\n\n# first\n[[device]]\naddress = \"01:00.0\"\nreset = \"flr\"\n\n"
      "# second\n[[device]]\naddress = \"05:00.0\"\n# gone\n\n# third\n[[device]]\n  address  = \"01:00.1\"\n"
      "  identity = \"" +
      card + "\"\n\n# bottom\n";
  const std::string after =
      "# top\nguest = \"win10\"\nuuid = \"11111111-2222-3333-4444-555555555555\"\ngpu = \"secondary\"\n\n"
      "# first\n[[device]]\naddress = \"01:00.0\"\nidentity = \"" +
      card +
      "\"\nreset = \"flr\"\n\n# second\n# gone\n\n"
      "# third\n[[device]]\n  address  = \"01:00.1\"\n  identity = \"" +
      other_card + "\"\n\n" + written(nic) + "\n# bottom\n";
  const WantedGuest guest = {
      "win10", "11111111-2222-3333-4444-555555555555", {{nic}, {gpu, card}, {sound, other_card}}};
  const Synced s = synced(before, guest, OnOtherCard::accept);
  CHECK(s.text == after);
  CHECK(synced(with_crlf(before), guest, OnOtherCard::accept).text == with_crlf(after));
}

TEST_CASE("sync: names from outside cannot break the conf") {
  const std::string names[] = {"a\"b",
                               "back\\slash",
                               "new\nline",
                               "tab\there",
                               "\x1b[2J",
                               "b\xc3\xa4r \xe2\x82\xac \xf0\x9f\x98\x80",
                               "c1 \xc2\x9b\x32J",
                               "line \xe2\x80\xa8 separator",
                               "x\x7f",
                               "# no comment",
                               "]] = [[",
                               "'''",
                               "",
                               "a\r\n[[device]]\naddress = \"09:00.0\"",
                               std::string(1000, 'n')};
  for (const std::string& name : names) {
    CAPTURE(name);
    const Synced s = synced("", {name, "", {{gpu, card, name}, {nic, "", "\xff" + name + "\x01\xc3"}}});
    CHECK(s.conf.guest == name);
    CHECK(s.conf.devices.size() == 2);
    for (char c : s.text) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
    CHECK(s.text.find("\xc2\x9b") == std::string::npos);
    CHECK(qh::valid_utf8(s.text));
  }
  CHECK(synced("", {"g", "", {{gpu, "", "two\nlines\x1b"}}})
            .text.find("[[device]]                    # two lines\n") != std::string::npos);
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
      {g + "device = [ { address = \"01:00.0\" } ]\n",
       {{gpu}, {nic}},
       "win10.toml:2:12: cannot edit this",
       "[[device]]"},
      {g + "device = [ { address = \"01:00.0\" } ]\n",
       {{gpu, card}},
       "win10.toml:2:12: cannot edit this",
       "[[device]]"},
      {g + "device = [\n{ address = \"01:00.0\" },\n]\n",
       {},
       "win10.toml:3:1: cannot edit this",
       "[[device]]"},
      {g + "device = [{ address = \"01:00.0\", identity = \"\" }]\n",
       {{gpu, card}},
       "win10.toml:2:11: cannot edit this",
       "[[device]]"},
      {g + "device = []\n", {{gpu}}, "win10.toml:2:1: cannot edit this", "delete this line"},
      {g + "[[device]]\naddress = \"01:00.0\"\nidentity = '''\n" + card + "'''\n",
       {{gpu, other_card}},
       "win10.toml:4:12: cannot edit this",
       "one line",
       OnOtherCard::accept},
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
  CHECK(refused(g, win10({{gpu, "not an identity"}})).message.find("cannot edit this file") !=
        std::string::npos);
  CHECK(refused(g, {"win10", "no uuid", {}}).message.find("cannot edit this file") != std::string::npos);
  refused("", {"g", "no uuid", {}});
}
