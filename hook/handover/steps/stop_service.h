// Starts what StopService and StopDisplayManager have stopped.
#pragma once

#include <string>

#include "core/deadline.h"
#include "core/result.h"

namespace qh::handover {

struct Ports;

// Not while the kernel holds the text consoles: before systemd starts what may have a terminal it asks which
// one the console is (/sys/class/tty/console/active; show_cons_active in drivers/tty/tty_io.c). Process 1
// would wait for the driver that hangs, and the whole host with it. timed_out, failed.
Result<void> start_service(Ports& ports, const std::string& service, Milliseconds timeout);

}  // namespace qh::handover
