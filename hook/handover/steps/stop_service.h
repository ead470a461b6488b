// Stops a service that holds the card, or that goes down with the display manager.
#pragma once

#include "core/deadline.h"
#include "handover/steps/kind.h"

namespace qh::handover {

struct StopService {
  std::string service;

  static constexpr std::string_view verb = "stop-service";
  static auto fields(auto& s) { return std::tie(s.service); }
  std::string describe() const;
  Result<void> run(Ports& ports, const Record& record) const;
  std::string describe_undo() const;
  Result<void> undo(Ports& ports) const;
  bool operator==(const StopService&) const = default;
};

// Not while the kernel holds the text consoles: before systemd starts what may have a terminal it asks which
// one the console is (/sys/class/tty/console/active; show_cons_active in drivers/tty/tty_io.c). Process 1
// would wait for the driver that hangs, and the whole host with it.
Result<void> start_service(Ports& ports, const std::string& service, Milliseconds timeout);

}  // namespace qh::handover
