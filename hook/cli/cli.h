// `qemu-hook` as a command, run by hand.
#pragma once

#include <string>
#include <vector>
#include "host/host.h"

namespace qh::cli {

// 0: done or "would work", 1: refused or failed, 2: the call itself is wrong.
enum class Exit { done = 0, refused = 1, wrong_call = 2 };

// Gives the exit status.
int run(const host::Host& host, const std::vector<std::string>& arguments);

}  // namespace qh::cli
