// What the tests of sync() share: its checked call, and a few devices.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/conf_text.h"
#include "config/sync.h"

namespace sync_test {

using namespace qh::config;
using qh::ErrorKind;
using qh::PciAddress;

inline constexpr PciAddress gpu{0, 1, 0, 0}, sound{0, 1, 0, 1}, nic{0, 3, 0x10, 2};
inline const std::string card = "10de:2484 1462:3909 030000", other_card = "1002:73bf 1da2:438e 030000";

inline Synced synced(const std::string& text, const WantedGuest& guest,
                     OnOtherCard on_other_card = OnOtherCard::keep) {
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

inline qh::Error refused(const std::string& text, const WantedGuest& guest,
                         OnOtherCard on_other_card = OnOtherCard::keep) {
  const auto result = sync(text, "win10.toml", guest, on_other_card);
  REQUIRE(!result.has_value());
  CHECK(result.error().kind == ErrorKind::bad_input);
  return result.error();
}

inline WantedGuest win10(std::vector<WantedDevice> devices) {
  return {"win10", "", std::move(devices)};
}

inline std::string with_crlf(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

// What sync() writes for a device of which only the address is known.
inline std::string written(const PciAddress& address) {
  std::string out;
  for (const std::string& line : device_block({address})) out += line + "\n";
  return out;
}

}  // namespace sync_test
