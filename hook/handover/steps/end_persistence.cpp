#include "handover/steps/end_persistence.h"

#include "handover/ports.h"

namespace qh::handover {

std::string EndPersistence::describe() const {
  return "turn off the persistence mode of " + card.text();
}
std::string EndPersistence::describe_undo() const {
  return "turn on the persistence mode of " + card.text();
}

std::string EndPersistence::line() const {
  return "end-persistence " + card.text();
}
Result<EndPersistence> EndPersistence::parse(const Words& words) {
  if (words.size() != 2) return damaged(words);
  const auto card = parse_pci_address(words[1]);
  if (!card) return fail(card.error());
  return EndPersistence{*card};
}

Result<void> EndPersistence::run(Ports& ports, const Record&) const {
  return ports.services.set_persistence(card, false, ports.limit(ports.conf.deadlines.holders));
}
Result<void> EndPersistence::undo(Ports& ports) const {
  return ports.services.set_persistence(card, true, ports.limit(ports.conf.deadlines.holders));
}

}  // namespace qh::handover
