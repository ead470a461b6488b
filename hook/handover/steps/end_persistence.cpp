// Ends NVIDIA's persistence mode, which keeps the driver on the card without any process.
#include "handover/ports.h"
#include "handover/steps/step.h"

namespace qh::handover {

std::string EndPersistence::describe() const {
  return "turn off the persistence mode of " + card.text();
}

std::string EndPersistence::describe_undo() const {
  return "turn on the persistence mode of " + card.text();
}

Result<void> EndPersistence::run(Ports& ports, const Record&) const {
  return ports.services.set_persistence(card, false, ports.limit(ports.conf.deadlines.holders));
}
Result<void> EndPersistence::undo(Ports& ports) const {
  return ports.services.set_persistence(card, true, ports.limit(ports.conf.deadlines.holders));
}

}  // namespace qh::handover
