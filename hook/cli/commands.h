// One function for each command, each in the file of its name.
#pragma once

#include "cli/options.h"

namespace qh::cli {

Command setup, check, plan, status, detach, reattach, query, prune, devices, completion, version, help;

}  // namespace qh::cli
