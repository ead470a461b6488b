// A quick reader for guests' confs that look as this program writes them. The TOML library needs some 50 µs
// for each; `--query` reads ten thousand.
#pragma once

#include <optional>
#include <string_view>

#include "config/guest_conf.h"

namespace qh::config {

// What parse_guest_conf gives, for a text of comments, [[device]] and `key = "value"` lines with the keys
// that are always there. Nothing for any other text, right or wrong: parse_guest_conf then decides.
std::optional<GuestConf> read_plain_conf(std::string_view text);

}  // namespace qh::config
