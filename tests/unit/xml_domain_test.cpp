#include "xml/domain.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using qh::ErrorKind;
using qh::xml::Domain;
using qh::xml::HostDevice;
using qh::xml::parse_domain;

namespace {

std::string data(const std::string& name) {
  std::ifstream file(std::string(QH_TEST_DATA "/domains/") + name);
  REQUIRE_MESSAGE(file.good(), name);
  return {std::istreambuf_iterator<char>(file), {}};
}

Domain parsed(const std::string& text) {
  auto domain = parse_domain(text);
  REQUIRE_MESSAGE(domain.has_value(), (domain ? "" : domain.error().message));
  return *domain;
}

std::string refusal(const std::string& text) {
  const auto domain = parse_domain(text);
  REQUIRE(!domain.has_value());
  CHECK(domain.error().kind == ErrorKind::bad_input);
  return domain.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string domain_with(const std::string& devices) {
  return "<domain>\n<name>g</name>\n<devices>\n" + devices + "\n</devices>\n</domain>\n";
}

std::string hostdev(const std::string& address_attributes) {
  return domain_with("<hostdev mode='subsystem' type='pci'>\n<source>\n<address " + address_attributes +
                     "/>\n</source>\n</hostdev>");
}

std::string describe(const Domain& domain) {
  std::string out;
  for (const HostDevice& d : domain.devices)
    out += d.address.text() + " " + to_string(d.source) + (d.managed ? " managed" : "") + "\n";
  return out;
}

}  // namespace

TEST_CASE("xml: the domains that libvirt, virt-manager and people write") {
  SUBCASE("Windows with a GPU of four functions") {
    const Domain d = parsed(data("win10-gpu.xml"));
    CHECK(d.name == "win10");
    CHECK(d.uuid == "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
    CHECK(describe(d) ==
          "0000:01:00.0 hostdev managed\n0000:01:00.1 hostdev managed\n"
          "0000:01:00.2 hostdev managed\n0000:01:00.3 hostdev managed\n");
    CHECK(d.images == std::vector<std::string>{"/var/lib/libvirt/images/win10.qcow2"});
    CHECK(d.rom_files == std::vector<std::string>{"/usr/share/vgabios/rtx2070.rom"});
  }
  SUBCASE("virtual functions as interfaces") {
    const Domain d = parsed(data("router-vf.xml"));
    CHECK(d.uuid == "7c5f3a10-52d6-4a1b-9a6e-5f2c9d0b7e11");
    CHECK(describe(d) == "0000:03:10.2 interface managed\n0000:03:10.6 interface\n");
    CHECK(d.images == std::vector<std::string>{"/dev/vg0/router"});
  }
  SUBCASE("NVMe, also deep in backing chains, mirrors and data files") {
    const Domain d = parsed(data("nvme-chain.xml"));
    CHECK(d.name == "fast storage");
    CHECK(describe(d) == "0000:41:00.0 disk managed\n0000:42:00.0 disk\n10000:e1:00.0 disk managed\n");
    CHECK(d.images == std::vector<std::string>{"/var/lib/libvirt/images/top.qcow2", "/dev/vg0/middle",
                                               "/srv/images/external.qcow2", "/dev/vg0/data"});
  }
  SUBCASE("numbers and references by hand") {
    const Domain d = parsed(data("by-hand.xml"));
    CHECK(d.name == "by <hand> \xe2\x80\x94 a & b");
    CHECK(d.uuid.empty());
    CHECK(describe(d) ==
          "0000:41:1f.7 hostdev managed\n0000:08:1f.0 hostdev\nffffffff:ff:1f.7 hostdev managed\n");
  }
  SUBCASE("what looks like host devices and is none") {
    const Domain d = parsed(data("decoys.xml"));
    CHECK(describe(d) == "0000:02:00.0 hostdev\n");
    CHECK(d.images == std::vector<std::string>{"/var/lib/libvirt/images/decoys.img"});
  }
}

TEST_CASE("xml: address numbers are read as libvirt reads them") {
  struct Case {
    std::string attributes;
    const char* address;  // nullptr: refused
    std::string reason = {};
  };
  const Case cases[] = {
      {"domain='0x0000' bus='0x02' slot='0x00' function='0x0'", "0000:02:00.0"},
      {"", "0000:00:00.0"},
      {"function='3'", "0000:00:00.3"},
      {"domain='0' bus='0' slot='0' function='0'", "0000:00:00.0"},
      {"bus='2'", "0000:02:00.0"},
      {"bus='31'", "0000:1f:00.0"},
      {"bus='0x1f'", "0000:1f:00.0"},
      {"bus='0X1F'", "0000:1f:00.0"},
      {"bus='010'", "0000:08:00.0"},
      {"bus=' \t2'", "0000:02:00.0"},
      {"bus='\n2'", "0000:02:00.0"},
      {"bus='+2'", "0000:02:00.0"},
      {"bus='&#50;'", "0000:02:00.0"},
      {"slot='1'", "0000:00:01.0"},
      {"domain='1'", "0001:00:00.0"},
      {"domain='0x10000' bus='0xe1'", "10000:e1:00.0"},
      {"domain='4294967295'", "ffffffff:00:00.0"},
      {"bus='0xff' slot='0x1f' function='7'", "0000:ff:1f.7"},
      {"bus='0000000000000000002'", "0000:02:00.0"},
      {"bus='0x100'", nullptr, "<hostdev>: source address: bus '0x100' is above 255"},
      {"bus='2' slot='0x20'", nullptr, "slot '0x20' is above 31"},
      {"bus='2' function='8'", nullptr, "function '8' is above 7"},
      {"domain='0x100000000' bus='2'", nullptr, "domain '0x100000000' is not a number"},
      {"bus='99999999999999999999999'", nullptr, "not a number"},
      {"bus='-1'", nullptr, "bus '-1' is not a number"},
      {"bus='-0'", nullptr, "not a number"},
      {"bus='2 '", nullptr, "bus '2 ' is not a number"},
      {"bus='2x'", nullptr, "not a number"},
      {"bus='0x'", nullptr, "not a number"},
      {"bus='02:00'", nullptr, "not a number"},
      {"bus='08'", nullptr, "not a number"},
      {"bus=''", nullptr, "bus '' is not a number"},
      {"bus=' '", nullptr, "not a number"},
      {"bus='2.0'", nullptr, "not a number"},
      {"bus='&bus;'", nullptr, "unknown entity: '&bus;'"},
      {"bus='2&#0;'", nullptr, "unknown entity"},
      {"bus='2&#xD800;'", nullptr, "unknown entity"},
      {"bus='2&'", nullptr, "unknown entity"},
      {"bus='2' bus='3'", nullptr, "has bus twice"},
      {"function='8'", nullptr, "function '8' is above 7"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.attributes);
    if (c.address) {
      const Domain d = parsed(hostdev(c.attributes));
      REQUIRE(d.devices.size() == 1);
      CHECK(d.devices[0].address.text() == c.address);
    } else {
      const std::string message = refusal(hostdev(c.attributes));
      CAPTURE(message);
      CHECK(contains(message, c.reason));
      CHECK(contains(message, "line 6"));
    }
  }
}

TEST_CASE("xml: which elements name a host device") {
  const std::string source = "<source><address type='pci' bus='2'/></source>";
  struct Case {
    std::string devices;
    const char* described;
  };
  const Case cases[] = {
      {"<hostdev type='pci'>" + source + "</hostdev>", "0000:02:00.0 hostdev\n"},
      {"<hostdev mode='subsystem' type='pci' managed='no'>" + source + "</hostdev>",
       "0000:02:00.0 hostdev\n"},
      {"<hostdev type='pci' managed='true'>" + source + "</hostdev>", "0000:02:00.0 hostdev\n"},
      {"<hostdev type='pci' managed='yes'>" + source + "</hostdev>", "0000:02:00.0 hostdev managed\n"},
      {"<hostdev type='&#112;ci'>" + source + "</hostdev>", "0000:02:00.0 hostdev\n"},
      {"<hostdev mode='capabilities' type='pci'>" + source + "</hostdev>", ""},
      {"<hostdev type='usb'>" + source + "</hostdev>", ""},
      {"<hostdev>" + source + "</hostdev>", ""},
      {"<q:hostdev type='pci'>" + source + "</q:hostdev>", ""},
      {"<interface type='hostdev'>" + source + "</interface>", "0000:02:00.0 interface\n"},
      {"<interface type='hostdev'><source><address bus='2'/></source></interface>",
       "0000:02:00.0 interface\n"},
      {"<interface type='hostdev'><source><address type='usb' bus='2'/></source></interface>", ""},
      {"<interface type='network'>" + source + "</interface>", ""},
      {"<disk type='nvme'><source type='pci'><address bus='2'/></source></disk>", "0000:02:00.0 disk\n"},
      {"<disk type='nvme'><source><address bus='2'/></source></disk>", "0000:02:00.0 disk\n"},
      {"<disk type='nvme'><source type='fabrics'/></disk>", ""},
      {"<disk type='nvme' managed='yes'><source type='pci'><address bus='2'/></source></disk>",
       "0000:02:00.0 disk\n"},
      {"<disk type='file'><mirror type='nvme'><source type='pci'><address bus='3'/></source>"
       "<backingStore type='nvme'><source type='pci' managed='yes'><address bus='4'/></source>"
       "</backingStore></mirror><backingStore type='nvme'><source type='pci'><address bus='5'/></source>"
       "</backingStore></disk>",
       "0000:03:00.0 disk\n0000:04:00.0 disk managed\n0000:05:00.0 disk\n"},
      // Twice: once, managed if any of them is, in the place of the first.
      {"<hostdev type='pci'>" + source + "</hostdev><interface type='hostdev'>" +
           "<source><address bus='3'/>" + "</source></interface><interface type='hostdev' managed='yes'>" +
           source + "</interface>",
       "0000:02:00.0 hostdev managed\n0000:03:00.0 interface\n"},
      {"<hostdev type='pci' managed='yes'>" + source + "</hostdev><hostdev type='pci'>" + source +
           "</hostdev>",
       "0000:02:00.0 hostdev managed\n"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.devices);
    CHECK(describe(parsed(domain_with(c.devices))) == c.described);
  }
}

TEST_CASE("xml: a host device without exactly one source address is refused") {
  for (const char* devices : {
           "<hostdev type='pci'/>",
           "<hostdev type='pci'><source/></hostdev>",
           "<hostdev type='pci'><address type='pci' bus='2'/></hostdev>",
           "<interface type='hostdev'/>",
           "<interface type='hostdev'><source/></interface>",
           "<disk type='nvme'><source type='pci'/></disk>",
           "<disk type='nvme'/>",
           "<disk type='file'><backingStore type='nvme'/></disk>",
       }) {
    CAPTURE(devices);
    const std::string message = refusal(domain_with(devices));
    CHECK(contains(message, "has no address in its <source>"));
    CHECK(contains(message, "line 4"));
  }
  CHECK(
      contains(refusal(domain_with("<hostdev type='pci'><source><address bus='2'/><address bus='3'/></source>"
                                   "</hostdev>")),
               "more than one address"));
}

TEST_CASE("xml: images and rom files") {
  const Domain d = parsed(domain_with(
      "<disk type='file'><source file='/a&amp;b'/></disk><disk type='block'><source dev='/dev/sdb'/></disk>"
      "<disk type='file'><source file=''/></disk><disk type='file'><source file='/c'/><mirror "
      "file='/old'/></disk>"
      "<disk type='network'><source protocol='rbd' name='pool/x'/></disk>"
      "<hostdev type='pci'><source><address bus='2'/></source><rom file='/r1'/></hostdev>"
      "<hostdev type='usb'><rom file='/no'/></hostdev>"
      "<interface type='hostdev'><source><address bus='3'/></source><rom file='/r2'/></interface>"
      "<interface type='network'><rom file='/no'/></interface>"
      "<hostdev type='pci'><source><address bus='4'/></source><rom bar='off'/></hostdev>"));
  CHECK(d.images == std::vector<std::string>{"/a&b", "/dev/sdb", "/c", "/old"});
  CHECK(d.rom_files == std::vector<std::string>{"/r1", "/r2"});
}

TEST_CASE("xml: broken XML is refused, and nothing of it is shown") {
  struct Case {
    std::string text;
    const char* reason;
  };
  const std::string nul("<domain>\n<name>a\0b</name></domain>", 34);
  const Case cases[] = {
      {"", "empty"},
      {" \n ", "empty"},
      {"<!-- only a comment -->", "no element"},
      {"hunter2", "text outside"},
      {"<domain>\n<passwd>hunter2\n</domain>", "line 3: not well-formed"},
      {"<domain>\n<devices>\n<hostdev passwd='hunter2\n", "not well-formed"},
      {"<domain><devices>", "not well-formed"},
      {"<domain></domain>\n<domain passwd='hunter2'></domain>", "line 2: there is a second element"},
      {"<domain/>hunter2", "text outside"},
      {"hunter2<domain/>", "text outside"},
      {"<domainsnapshot/>", "begins with <domainsnapshot>"},
      {"<domstatus><domain/></domstatus>", "begins with <domstatus>"},
      {nul, "line 2: there is a control character"},
      {"<domain>\n\n\x1b[2J</domain>", "line 3: there is a control character"},
      {"<domain><uuid>not one</uuid></domain>", "<uuid>: 'not one' is not a UUID"},
      {"<domain><name>&secret;</name></domain>", "<name> has an unknown entity"},
      {std::string(qh::xml::largest_domain_xml + 1, ' '), "larger than 16 MiB"},
      // UTF-16 has NUL bytes in every letter.
      {std::string("\xff\xfe<\0d\0/\0>\0", 10), "control character"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.reason);
    const std::string message = refusal(c.text);
    CAPTURE(message);
    CHECK(contains(message, c.reason));
    CHECK(contains(message, "domain XML"));
    CHECK(!contains(message, "hunter2"));
  }
}

TEST_CASE("xml: a value in a message is printable and short") {
  const std::string message = refusal(hostdev("bus='" + std::string(5000, 'x') + "'"));
  CHECK(message.size() < 200);
  CHECK(refusal("<" + std::string(5000, '\xff') + "/>").size() < 400);
  CHECK(contains(refusal(hostdev("bus='&#x9b;2J'")), "'\\xc2\\x9b2J'"));
  CHECK(contains(refusal(hostdev("bus='\x9b'")), "'\\x9b'"));
}

TEST_CASE("xml: entities are never expanded") {
  const std::string dtd =
      "<!DOCTYPE domain [\n<!ENTITY a 'aaaaaaaaaa'>\n<!ENTITY b '&a;&a;&a;&a;'>\n"
      "<!ENTITY f SYSTEM 'file:///etc/passwd'>\n]>\n";
  CHECK(describe(parsed(dtd + hostdev("bus='2'"))) == "0000:02:00.0 hostdev\n");
  CHECK(contains(refusal(dtd + hostdev("bus='&b;'")), "unknown entity"));
  CHECK(contains(refusal(dtd + "<domain><name>&f;</name></domain>"), "unknown entity"));
  // In the parts that are not read, they are not looked at: the metadata are the user's.
  CHECK(parsed("<domain><name>x</name><metadata>&undeclared;</metadata></domain>").name == "x");
}

TEST_CASE("xml: prolog, byte order mark, empty <uuid> and several <devices>") {
  const std::string device = "<hostdev type='pci'><source><address bus='2'/></source></hostdev>";
  CHECK(describe(parsed("\xef\xbb\xbf<?xml version='1.0'?>\n<!-- c -->\n" + domain_with(device) +
                        "<!-- end -->\n")) == "0000:02:00.0 hostdev\n");
  CHECK(parsed("<domain><uuid></uuid></domain>").uuid.empty());
  CHECK(describe(parsed("<domain><devices/><devices>" + device + "</devices></domain>")) ==
        "0000:02:00.0 hostdev\n");
}

TEST_CASE("xml: deep nesting does not need stack") {
  // A stack that recursion over 100,000 levels could not fit into. (Lowering the limit works for the frames
  // that are still to come.)
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_STACK, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 512 * 1024;
  REQUIRE(setrlimit(RLIMIT_STACK, &small) == 0);

  constexpr int levels = 100'000;
  const auto nested = [](const std::string& open, const std::string& close, const std::string& inner) {
    std::string text;
    for (int i = 0; i < levels; ++i) text += open;
    text += inner;
    for (int i = 0; i < levels; ++i) text += close;
    return text;
  };
  CHECK(describe(parsed(domain_with(nested("<a>", "</a>", "")))).empty());
  const std::string inner = "<backingStore type='nvme'><source><address bus='2'/></source></backingStore>";
  CHECK(describe(parsed(domain_with("<disk>" + nested("<backingStore>", "</backingStore>", inner) +
                                    "</disk>"))) == "0000:02:00.0 disk\n");
  CHECK(contains(refusal(nested("<a>", "", "")), "not well-formed"));

  REQUIRE(setrlimit(RLIMIT_STACK, &before) == 0);
}

TEST_CASE("xml: many devices") {
  std::string many;  // in quadratic time this would take minutes
  for (int i = 0; i < 60'000; ++i)
    many += "<hostdev type='pci'><source><address domain='" + std::to_string(i) +
            "' bus='1'/></source></hostdev>\n";
  CHECK(parsed(domain_with(many)).devices.size() == 60'000);
}
