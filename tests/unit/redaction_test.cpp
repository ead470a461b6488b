#include "core/redaction.h"

#include <doctest/doctest.h>

using qh::Redaction;

TEST_CASE("a secret has one stand-in everywhere, and what belongs together still does") {
  Redaction r;
  r.add(Redaction::user, "ann");
  r.add(Redaction::user, "bob");
  r.add(Redaction::user, "ann");
  CHECK(r.applied("/home/ann/x /home/bob/y Ann@bob") == "/home/user1/x /home/user2/y user1@user2");
}

TEST_CASE("names count as whole words, the longest first") {
  Redaction r;
  r.add(Redaction::user, "ann");
  r.add(Redaction::host, "ann-tower");
  r.add(Redaction::host, "ann-tower.example.org");
  CHECK(r.applied("channel ann annex") == "channel user1 annex");
  CHECK(r.applied("ann-tower ann-tower.example.org") == "host2 host3");
}

TEST_CASE("a name that is a word of this program's, or would be found everywhere, stays") {
  Redaction r;
  r.add(Redaction::user, "a");
  r.add(Redaction::user, "guest");
  r.add(Redaction::password, "guest");
  r.add(Redaction::serial, "0000");
  CHECK(r.applied("a 0000 /home/a") == "a 0000 /home/a");
  CHECK(r.applied("guest") == "password1");  // a password has no excuse
}

TEST_CASE("MAC addresses are known by their form, also without their marks") {
  Redaction r;
  r.learn("<mac address='52:54:00:AB:cd:01'/> 0000:01:00.0");
  r.learn("00:00:00:00:00:00 52:54:00:ab:CD:01");
  CHECK(r.applied("enx525400ABcd01 at 52:54:00:ab:cd:01") == "enx525400000001 at 52:54:00:00:00:01");
  CHECK(r.applied("0000:01:00.0 00:00:00:00:00:00") == "0000:01:00.0 00:00:00:00:00:00");
}

TEST_CASE("passwords and serial numbers are known by what a conf, an XML or udev calls them") {
  Redaction r;
  r.learn(
      "<graphics type='vnc' passwd='Tr0ub4dor'/><graphics passwd='' listen='::'/><serial type='pty'/>"
      "<serial>S4EV123</serial><entry name='serial'>X-99</entry>\n"
      "E:ID_SERIAL_SHORT=WD-77777\nvnc_password = \"another one\"\nREMOTE_HOST=tower\n");
  r.learn("IRQ:   \t\t 41\nGPU UUID: \t GPU-0a1b2c3d-0000-1111\nVideo BIOS: \t 96.00\n");
  CHECK(r.applied("Tr0ub4dor, another one") == "password1, password2");
  CHECK(r.applied("ata-DISK_WD-77777 S4EV123-part1 X-99") == "ata-DISK_serial5 serial3-part1 serial4");
  CHECK(r.applied("tower, towers") == "host6, towers");
  CHECK(r.applied("GPU UUID: \t GPU-0a1b2c3d-0000-1111, 96.00, 41") == "GPU UUID: \t serial7, 96.00, 41");
}

TEST_CASE("a text without secrets stays as it is, of whatever bytes") {
  Redaction r;
  r.learn("");
  const std::string bytes("\0\xff'passwd=", 10);
  r.learn(bytes);
  CHECK(r.applied(bytes) == bytes);
  CHECK(r.applied("") == "");
}
