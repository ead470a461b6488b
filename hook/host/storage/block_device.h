// Opens block devices exclusively: to ask the kernel whether one is in use, and to keep it free.
#pragma once

#include <string>
#include <vector>

#include "core/file.h"
#include "core/result.h"

namespace qh::host {

// What the kernel answers to an exclusive open of a block device's node.
enum class Exclusive { free, busy, absent, unknown };

// Can wait for the disk's driver: only for a child.
Exclusive open_exclusively(const std::string& node);

// Opens the nodes ("/dev/nvme0n1", below `root`) exclusively and keeps them open; one that is not there is
// left out. A program that merely looks at one is waited for a moment. refused: one is in use. Only for a
// child.
Result<std::vector<Fd>> hold_exclusively(const std::string& root, const std::vector<std::string>& nodes);

}  // namespace qh::host
