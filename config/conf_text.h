// The text that this program writes into a guest's conf.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/sync.h"

namespace qh::config {

// A TOML basic string, with its quotes. `text` must be valid UTF-8.
std::string toml_string(std::string_view text);

// The lines of one [[device]].
std::vector<std::string> device_block(const WantedDevice& device);

// The head of a new conf, without devices.
std::vector<std::string> new_conf_head(const WantedGuest& guest);

}  // namespace qh::config
