#include "config/plain_conf.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/sync.h"

using namespace qh::config;

namespace {

const WantedGuest wanted{"win10 \"x\"",
                         "4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
                         {{{0, 1, 0, 0}, "10de:2484 1462:3909 030000", "NVIDIA GA104 [GeForce RTX 3070]"},
                          {{0x10000, 0xe1, 0, 1}, "", ""}}};

std::string new_conf(const std::string& name) {
  auto guest = wanted;
  guest.name = name;
  return sync("", "x.toml", guest, OnOtherCard::keep)->text;
}

// Whatever the quick reader takes, the other one takes alike. Gives whether it took it.
bool agrees(const std::string& text) {
  const auto quick = read_plain_conf(text);
  if (!quick) return false;
  const auto whole = parse_guest_conf(text, "x.toml");
  REQUIRE_MESSAGE(whole.has_value(), text);
  CHECK_MESSAGE(*quick == *whole, text);
  return true;
}

}  // namespace

TEST_CASE("plain conf: what this program writes is read quickly, and alike") {
  CHECK(agrees(new_conf("win10")));
  CHECK(agrees(new_conf("größer als")));
  CHECK(agrees("# nothing\n"));
  CHECK(agrees(""));
}

TEST_CASE("plain conf: everything else is left to the other reader, or read alike") {
  const std::string plain = new_conf("win10");
  for (const char* line :
       {"detach = \"never\"", "reset = \"flr\"", "allow_in_use = true", "address = \"0000:05:00.0\"",
        "virsh = \"pci_0000_05_00_0\"", "gpu = \"none\"", "x = 1", "identity = '10de:2484'", "[other]",
        "[[other]]", "[[device]] x", "[[ device ]]", "nonsense", "guest = \"other\"", "= \"x\"",
        "identity = \"10DE:2484 1462:3909 030000\"", "identity = \"\"", "a.b = \"c\"", "\r"})
    CHECK_FALSE(agrees(plain + line + "\n"));
  for (const char* text : {"gpu = \"both\"\n", "uuid = \"x\"\n", "guest = \"a\\\"b\"\n", "guest = \"a\" b\n",
                           "guest = \"\"\"a\"\"\"\n", "guest = \"\xff\"\n", "# \x01\n", "[[device]]\n",
                           "guest = \"a\"\nguest = \"a\"\n", "[[device]]\naddress = \"0000:99.99\"\n"})
    CHECK_FALSE(agrees(text));
}

TEST_CASE("plain conf: the fuzzer's seeds") {
  const std::string seeds = QH_TEST_DATA "/../fuzz/corpus/guest_conf";
  std::size_t seen = 0;
  for (const auto& seed : std::filesystem::directory_iterator(seeds)) {
    std::ifstream file(seed.path(), std::ios::binary);
    agrees({std::istreambuf_iterator<char>(file), {}});
    ++seen;
  }
  CHECK(seen > 10);
}

TEST_CASE("plain conf: any one byte changed") {
  const std::string plain = new_conf("win10");
  for (std::size_t i = 0; i < plain.size(); ++i)
    for (const char c : {'"', '\\', '\n', '#', '=', '[', ' ', 'x', '\x7f', '\xe9'}) {
      std::string text = plain;
      text[i] = c;
      agrees(text);
    }
}
