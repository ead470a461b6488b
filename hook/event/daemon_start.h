// libvirt's `daemon` hook at the daemon's start: what guests left over, of whose end nobody will tell, is
// undone.
//
// A daemon that is killed when it has dropped an ended guest's state and has not called `release` yet leaves
// devices behind that no later daemon knows of.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "host/host.h"
#include "host/log.h"

namespace qh::event {

// Returns at once, since the daemon waits: the work goes on in a process of its own, in the log like that of
// any event. Without a journal there is no such process.
std::vector<Error> daemon_start(const host::Host& host, const std::string& object, host::Log& log);

}  // namespace qh::event
