// The cards that this host could hand over, whole, with the reasons against each.
#pragma once

#include <string>
#include <vector>

#include "handover/finding.h"
#include "handover/guest.h"
#include "host/host.h"

namespace qh::handover {

// Whether a guest could have a card now.
enum class Availability { yes, together, no };

struct Card {
  std::vector<host::PciDevice> functions;  // all of a slot; a virtual function is a card of its own
  // What a start of a guest with this card, and nothing else, would be told.
  std::vector<Finding> findings;
  // What else a guest has to get, since the host uses it and it shares an IOMMU group with the card.
  std::vector<PciAddress> companions;
  // What a start of a guest with the card and its companions would be told.
  std::vector<Finding> findings_together;

  std::vector<PciAddress> addresses() const;
  Availability availability() const;
  // What a start with the card, and with its companions where it has any, would be told.
  const std::vector<Finding>& obstacles() const { return companions.empty() ? findings : findings_together; }

  // The host needs it: a disk in use, the network's way out. Empty: it could go.
  std::vector<std::string> reasons_to_stay() const;
  // It could go, but: the only keyboard, or what would refuse a start for now.
  std::vector<std::string> warnings() const;
};

// Displays first, then in the order of their addresses.
std::vector<Card> list_cards(const host::Host& host, const config::Defaults& defaults);

// The findings about `addresses` that say that the host itself needs the device, or that there is none.
std::vector<Finding> reasons_against(const host::Host& host, const config::Defaults& defaults,
                                     const std::string& guest, const std::vector<PciAddress>& addresses);

}  // namespace qh::handover
