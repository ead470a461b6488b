// The ROM files that a guest's XML names for its devices.
#pragma once

#include <optional>
#include <string>
#include "host/host.h"

namespace qh::host {

// What is wrong with the file, as a sentence; nothing if QEMU can use it. Never blocks for longer than a
// second.
std::optional<std::string> rom_problem(const Host& host, const std::string& path);

}  // namespace qh::host
