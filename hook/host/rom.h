// The ROM files that a guest's XML names for its devices.
#pragma once

#include <optional>
#include <string>

namespace qh::host {

// What is wrong with the file, as a sentence; nothing if QEMU can use it. Never blocks for longer than a
// second.
std::optional<std::string> rom_problem(const std::string& root, const std::string& path);

}  // namespace qh::host
