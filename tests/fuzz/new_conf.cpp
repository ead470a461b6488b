// A new conf for a guest and a device of any name: the first line is the guest's, the rest the device's.
#include "config/sync.h"
#include "core/text.h"
#include "property.h"

namespace qh::fuzz {

void check(std::string_view input) {
  const auto line_end = input.find('\n');
  const std::string name(input.substr(0, line_end));
  const std::string device(line_end == std::string_view::npos ? "" : input.substr(line_end + 1));
  const config::WantedGuest wanted{name, "", {{{0, 1, 0, 0}, "10de:2484 1462:3909 030000", device}}};
  const auto synced = config::sync("", "new.toml", wanted, config::OnOtherCard::keep);
  require(synced.has_value() == valid_utf8(name), "every name that is UTF-8 can be written");
  if (!synced) return require_bad_input(synced.error());
  const auto conf = config::parse_guest_conf(synced->text, "new.toml");
  require(conf && *conf == synced->conf, "the conf parses");
  require(conf->guest == name, "the name comes back");
  require(conf->devices == std::vector{config::DeviceConf{{0, 1, 0, 0}, wanted.devices[0].identity}},
          "it has the device");
  std::string shown = synced->text;
  std::erase(shown, '\n');
  require(fit_for_terminal(shown), "the conf is fit for a terminal");
}

}  // namespace qh::fuzz
