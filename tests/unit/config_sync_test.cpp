// sync(): devices come and go.
#include "config/sync.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config_sync_support.h"

using namespace sync_test;

TEST_CASE("sync: a new conf") {
  const WantedGuest guest = {"win10",
                             "4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
                             {{gpu, card, "NVIDIA GA104 [GeForce RTX 3070]"}, {nic}}};
  const std::string expected =
      R"(# Devices of the host that win10 uses. qemu-hook keeps the list in step with the domain's XML;
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
# reserve = "no"              # no | display | all: keep the host's desktops off it

[[device]]
address  = "0000:03:10.2"
virsh    = "pci_0000_03_10_2"
# detach = "auto"             # auto | always | never
# reset  = "none"             # none | auto | flr | pm | bus | device_specific | remove-rescan
# allow_in_use = false        # hand it over although the host uses it
# reserve = "no"              # no | display | all: keep the host's desktops off it
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
  for (const char* setting : {"# detach", "# reset ", "# allow", "# reserve"})
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
      "\xef\xbb\xbf# x\r\n\r\n\r\nguest = 'win10'\n  [[ device ]] # y\n\taddress\t=\t'pci_0000_01_00_0'   "
      "\n\n\n",
      "guest = \"\"\"win10\"\"\"\ndevice = [ { address = \"01:00.0\" } ]\n",
      "\"guest\" = \"win\\u0031\\u0030\"\n[[\"device\"]]\n'address' = \"01:00.0\"\nreset = \"flr\" # why "
      "not\n#\n#",
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
      {"add behind the last",
       head + "\n" + g + "\n" + s,
       {gpu, sound, nic},
       head + "\n" + g + "\n" + s + "\n" + written(nic)},
      {"add two, in the XML's order",
       head + g,
       {nic, gpu, sound},
       head + g + "\n" + written(nic) + "\n" + written(sound)},
      {"add before what follows",
       head + g + "\n# the end\n",
       {gpu, nic},
       head + g + "\n" + written(nic) + "\n# the end\n"},
      {"add before blank lines at the end",
       head + g + "\n \n",
       {gpu, nic},
       head + g + "\n" + written(nic) + "\n \n"},
      {"add to none, blank lines at the end", head + "\n\n", {nic}, head + "\n" + written(nic) + "\n\n"},
      {"drop the only one", head + "\n" + g, {}, head},
      {"drop the first", head + "\n" + g + "\n" + s, {sound}, head + "\n" + s},
      {"drop the middle", head + "\n" + g + "\n" + s + "\n" + n, {gpu, nic}, head + "\n" + g + "\n" + n},
      {"drop the last", head + "\n" + g + "\n" + s, {gpu}, head + "\n" + g},
      {"drop all", head + "\n" + g + "\n" + s + "\n" + n, {}, head},
      {"drop without blank lines", head + g + s + n, {gpu, nic}, head + g + n},
      {"drop keeps a gap that another needs", head + "\n" + g + s, {sound}, head + "\n" + s},
      {"drop at the beginning, no blank lines", g + s, {sound}, "guest = \"win10\"\n\n" + s},
      {"drop all without blank lines", head + g + s + n, {}, head},
      {"drop keeps wider gaps", head + "\n\n\n" + g + "\n\n" + s, {sound}, head + "\n\n\n\n" + s},
      {"drop at the beginning",
       g + "\n# x\n" + "[[device]]\naddress = \"01:00.1\"\n",
       {sound},
       "guest = \"win10\"\n\n# x\n[[device]]\naddress = \"01:00.1\"\n"},
      {"drop and add",
       head + "\n" + g + "\n" + s + "\n# end\n",
       {gpu, nic},
       head + "\n" + g + "\n" + written(nic) + "\n# end\n"},
      {"replace all", head + "\n" + g, {nic}, head + "\n" + written(nic)},
      {"comments before a device stay",
       head + "\n# about it\n" + g + "\n" + s,
       {sound},
       head + "\n# about it\n\n" + s},
      {"comments behind a blank line stay",
       head + "\n" + g + "\n# about it\n\n" + s,
       {sound},
       head + "\n# about it\n\n" + s},
      {"settings commented out go, other comments behind it stay",
       head + "\n" + g + "# reset = \"flr\"\n  # told me so\n\n" + s,
       {sound},
       head + "\n  # told me so\n\n" + s},
      {"a remark at the end of the file stays",
       head + "\n" + g + "\n" + s + "# my remark\n",
       {gpu},
       head + "\n" + g + "\n# my remark\n"},
      {"a device is added behind the remarks on the last",
       head + "\n" + g + "# my remark\n",
       {gpu, nic},
       head + "\n" + g + "# my remark\n\n" + written(nic)},
      {"comments within it stay, its blank lines go",
       head + "\n[[device]] # a\n# b\n\naddress = \"01:00.0\" # c\n\n# d\nreset = \"flr\"\n# e\n\n# f\n\n" +
           s,
       {sound},
       head + "\n# b\n# d\n# e\n\n# f\n\n" + s},
      {"comments between two belong to the second",
       head + g + "# the sound\n# of it\n" + s,
       {sound},
       head + "# the sound\n# of it\n" + s},
      {"but settings commented out do not",
       head + g + "# reset = \"flr\"\n#allow_in_use=true\n# the sound\n" + s,
       {sound},
       head + "# the sound\n" + s},
      {"a longer word is no setting",
       head + g + "# resetting = bad\n" + s,
       {sound},
       head + "# resetting = bad\n" + s},
      {"indented, odd and spread",
       head + "  [[ \"device\" ]]\n   'address'=  '''\n01:00.0'''# x\n   # y\n\n" + s,
       {sound},
       head + "   # y\n\n" + s},
      {"mixed line ends",
       head + "\r\n[[device]]\r\naddress = \"01:00.0\"\n\r\n" + s,
       {sound},
       head + "\r\n" + s},
      {"no newline at the end",
       head + g + "reset = \"flr\"",
       {gpu, nic},
       head + g + "reset = \"flr\"\n\n" + written(nic).substr(0, written(nic).size() - 1)},
      {"no newline at the end, dropped",
       head + "\n" + g + "reset = \"flr\"",
       {},
       head.substr(0, head.size() - 1)},
      {"a mark at the beginning",
       "\xef\xbb\xbf" + head + g,
       {gpu, nic},
       "\xef\xbb\xbf" + head + g + "\n" + written(nic)},
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
  const std::string text =
      "guest = \"win10\"\n[[device]]\naddress = \"01:00.1\"\n[[device]]\naddress = \"01:00.0\"\n";
  const Synced s = synced(text, win10({{nic}, {gpu}, {nic}, {gpu}}));
  CHECK(s.added == std::vector<PciAddress>{nic});
  CHECK(s.kept == std::vector<PciAddress>{gpu});
  CHECK(s.dropped == std::vector<PciAddress>{sound});
  CHECK(s.conf.devices.size() == 2);
}

TEST_CASE("sync: adding, then dropping again gives the old text") {
  const std::string heads[] = {"guest = \"win10\"", "# c\n\nguest = \"win10\"\ngpu = \"none\"",
                               "\xef\xbb\xbfguest = \"win10\" # ä"};
  const std::string gaps[] = {
      "\n", "\n\n", "\n \n", "\n\n\n", "\n# c\n\n", "\n\n# c\n", "\n# reset = \"flr\"\n"};
  const std::string tails[] = {"",      "\n",      "\n\n",      "\n\t\n",     "\n\n\n",
                               "\n# c", "\n# c\n", "\n\n# c\n", "\n\n# c\n\n"};
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
