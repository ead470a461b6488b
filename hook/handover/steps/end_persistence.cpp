// Ends NVIDIA's persistence mode. It keeps the driver on the card, with or without a process:
// nv_pci_remove_helper() in nvidia/nv-pci.c waits without an end for a card that is in use.
#include <algorithm>
#include <thread>

#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/processes/holders.h"

namespace qh::handover {

std::string EndPersistence::describe() const {
  return "turn off the persistence mode of " + card.text();
}

std::string EndPersistence::describe_undo() const {
  return "turn on the persistence mode of " + card.text();
}

Result<void> EndPersistence::run(Ports& ports, Journal&) const {
  const Deadline deadline(ports.limit(ports.conf.deadlines.holders));
  if (auto off = ports.services.set_persistence(card, false, deadline.left()); !off) return off;
  while (std::ranges::any_of(host::holders_of(ports.host, {card}), [&](const host::Holder& h) {
    return host::is_persistence_daemon(h) && h.node.kind == host::NodeKind::own;
  })) {
    if (deadline.passed())
      return fail(ErrorKind::timed_out, card.text() + ": NVIDIA's persistence daemon still has it open",
                  "`systemctl stop nvidia-persistenced` before you start the guest");
    std::this_thread::sleep_for(std::min(host::pause_between_looks, deadline.left()));
  }
  return {};
}
Result<void> EndPersistence::undo(Ports& ports) const {
  return ports.services.set_persistence(card, true, ports.limit(ports.conf.deadlines.holders));
}

}  // namespace qh::handover
