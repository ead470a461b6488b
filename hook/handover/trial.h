// The installer's trial (install/lib/probe.sh): libvirt calls the hook for a guest that cannot start, and the
// hook finds out where it runs then and what it cannot do there. A command by hand has the rights of its
// shell, so this is the only way to know before the first start.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/host.h"
#include "host/processes/abilities.h"

namespace qh::handover {

struct Trial {
  std::string
      context;  // as /proc/self/attr/current has it; empty: nothing can confine a process on this host
  std::vector<host::Lack> lacks;
};

// Leaves its result for last_trial() until the next boot.
Trial make_trial(const host::Host& host);

// Nothing: there was none since the boot, or this process may not read it.
std::optional<Trial> last_trial(const host::Host& host);

// A line each, which the installer finds in libvirt's answer: "  context: …", "  cannot: …",
// "  hint: …".
std::string to_text(const Trial& trial);

}  // namespace qh::handover
