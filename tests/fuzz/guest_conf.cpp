// A guest's conf: its errors name a place, and sync() does what it was asked for, once, and nothing else.
#include <algorithm>
#include <map>

#include "config/guest_conf.h"
#include "config/sync.h"
#include "core/text.h"
#include "property.h"

namespace qh::fuzz {
namespace {

using namespace config;

const std::string file = "win10.toml";

// One that the seeds have, one with an audio function next to it, one that is not there now.
const WantedGuest wanted = {
    "win10",
    "4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
    {{{0, 1, 0, 0}, "10de:2484 1462:3909 030000", "NVIDIA GA104 [GeForce RTX 3070]"},
     {{0x10000, 0xe1, 0, 1}, "10de:228b 1462:3909 040300", "its \"audio\" \\ function"},
     {{0, 2, 0, 0}, "", ""}}};

std::string_view without_mark(std::string_view text) {
  return text.substr(text.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0);
}

// There is nothing of the user's in it, and a new conf takes its place.
bool blank(std::string_view text) {
  return trimmed(without_mark(text)).empty();
}

// The lines of a conf that has `devices`, but for those of the `dropped` ones: of these only comments that
// can be no setting. Nothing where headers and devices cannot be told from each other this simply.
std::vector<std::string> lines_that_stay(std::string_view text, const std::vector<DeviceConf>& devices,
                                         const std::vector<PciAddress>& dropped) {
  std::vector<std::string> lines;
  std::size_t headers = 0;
  bool stays = true;
  for (const std::string_view whole : split(without_mark(text), '\n')) {
    const std::string_view line = trimmed(whole);
    if (line.substr(0, 2) == "[[") {
      if (headers == devices.size()) return {};
      stays = std::find(dropped.begin(), dropped.end(), devices[headers++].address) == dropped.end();
    }
    const bool comment = line.substr(0, 1) == "#" && line.find('=') == line.npos;
    // Blank lines come and go, and the last line gets a line end of its own.
    if (!line.empty() && (stays || comment)) lines.emplace_back(line);
  }
  return headers == devices.size() ? lines : std::vector<std::string>{};
}

// All of `lines` are in `text`, in their order.
bool has_lines(std::string_view text, const std::vector<std::string>& lines) {
  std::size_t found = 0;
  for (const std::string_view line : split(without_mark(text), '\n'))
    if (found < lines.size() && trimmed(line) == lines[found]) ++found;
  return found == lines.size();
}

void check_sync(std::string_view text, const GuestConf& before, const WantedGuest& guest,
                OnOtherCard on_other_card) {
  const auto synced = sync(text, file, guest, on_other_card);
  if (!synced) {
    require_bad_input(synced.error());
    return require(!synced.error().remedy.empty(), "a conf that cannot be edited comes with a remedy");
  }
  const auto after = parse_guest_conf(synced->text, file);
  require(after && *after == synced->conf, "the result parses, and says what sync() says");
  require(after->guest == guest.name && after->uuid == guest.uuid, "it is the guest's");
  require(after->devices.size() == guest.devices.size(), "it has as many devices as were wanted");
  for (const WantedDevice& device : guest.devices) {
    const DeviceConf* now = after->find(device.address);
    require(now != nullptr, "it has each device that was wanted");
    const DeviceConf* old = before.find(device.address);
    DeviceConf expected = old ? *old : DeviceConf{device.address};
    if (!device.identity.empty() && (expected.identity.empty() || on_other_card == OnOtherCard::accept))
      expected.identity = device.identity;
    require(*now == expected, "the user's settings stay");
  }
  require(synced->changed == (synced->text != text), "it says whether it changed anything");
  require(after->gpu == before.gpu, "the user's setting for the GPU stays");
  // Of the user's lines only these are touched: one of another uuid, name or card, and an empty string.
  const bool replaced = !synced->accepted.empty() || (!before.uuid.empty() && before.uuid != guest.uuid) ||
                        (!before.guest.empty() && before.guest != guest.name) ||
                        text.find("\"\"") != text.npos || text.find("''") != text.npos;
  if (!replaced && !blank(text))
    require(has_lines(synced->text, lines_that_stay(text, before.devices, synced->dropped)),
            "the user's lines stay as they are");

  const auto again = sync(synced->text, file, guest, on_other_card);
  require(again && !again->changed && again->text == synced->text, "a second time changes nothing");
}

}  // namespace

void check(std::string_view input) {
  const auto conf = parse_guest_conf(input, file);
  if (!conf) {
    const auto synced = sync(input, file, wanted, OnOtherCard::accept);
    require(blank(input) || (!synced && synced.error().message == conf.error().message),
            "what does not parse is not edited");
    return require_place(conf.error(), file, input);
  }
  for (const DeviceConf& device : conf->devices)
    require(conf->find(device.address) == &device, "each address is there once");
  // One of the three for each input, since they take long.
  const auto choice = input.size() % 3;
  check_sync(input, *conf, choice == 0 ? WantedGuest{wanted.name, wanted.uuid, {}} : wanted,
             choice == 1 ? OnOtherCard::keep : OnOtherCard::accept);
}

}  // namespace qh::fuzz
