// Keeps the host from sleeping, with a transient systemd unit.
#include "core/text.h"
#include "handover/journal.h"
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/names.h"

namespace qh::handover {

std::string InhibitSleep::describe() const {
  return "keep the host from sleeping";
}

std::string InhibitSleep::describe_undo() const {
  return "let the host sleep again";
}

Result<void> InhibitSleep::run(Ports& ports, Journal& journal) const {
  const std::string& guest = journal.record().guest;
  const auto done = ports.services.hold_awake(
      {unit, "the guest " + printable(guest) + " has this host's screen",
       ports.host.path(names::journal(guest)), ports.host.path(names::pid_file(guest))},
      ports.limit(ports.conf.deadlines.detach));
  if (!done) ports.log.warning("the host may go to sleep while the guest runs: " + done.error().message);
  return {};
}

Result<void> InhibitSleep::undo(Ports& ports) const {
  // It ends by itself, if late: no reason to keep the guest's devices claimed.
  if (const auto done = ports.services.let_sleep(unit, ports.limit(ports.conf.deadlines.reattach)); !done)
    ports.log.warning("the host cannot sleep for now: " + done.error().message);
  return {};
}

}  // namespace qh::handover
