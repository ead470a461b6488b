// `qemu-hook`, by hand.
#pragma once

#include <string>
#include <vector>

namespace qh::cli {

// Exit status: 0 done or "would work", 1 refused or failed, 2 the call itself is wrong.
enum Exit { done = 0, refused = 1, wrong_call = 2 };

int run(const std::string& root, const std::vector<std::string>& arguments);

}  // namespace qh::cli
