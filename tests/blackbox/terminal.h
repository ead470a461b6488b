// The program as a person at a terminal runs it.
#pragma once

#include <string>
#include <vector>

#include "blackbox/program.h"

namespace qh::blackbox {

// Runs `qemu-hook` on a terminal and types `input`; gives what the terminal showed. `status`: its exit
// status, -1 if it did not exit.
std::string on_terminal(const Program& p, const std::vector<std::string>& arguments, const std::string& input,
                        int& status);

}  // namespace qh::blackbox
