// The host's own tools: systemctl, udevadm and the like.
#pragma once

#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/result.h"

namespace qh::host {

// Runs a program of the host, wherever its distribution has it. Only from these folders: libvirt's AppArmor
// profile lets a confined hook run nothing else.
Result<std::string> run_tool(const std::string& name, std::vector<std::string> arguments,
                             Milliseconds timeout);

}  // namespace qh::host
