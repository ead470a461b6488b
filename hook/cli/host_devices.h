// Every card of this host, with those who want it and those who have it: what --devices prints.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "handover/cards.h"
#include "handover/journal.h"

namespace qh::cli {

struct HostDevices {
  std::vector<handover::Card> cards;
  std::map<PciAddress, std::vector<std::string>> guests;  // by whose confs or XML each is named
  std::vector<handover::Record> records;                  // of those who have devices now

  std::vector<std::string> guests_of(const PciAddress& address) const;
  const handover::Record* record_of(const PciAddress& address) const;  // nullptr: nobody has it
};

// The board as Graphviz draws it: ports and bridges with what is behind them, IOMMU groups as boxes.
std::string device_graph(const host::Host& host, const HostDevices& devices);

}  // namespace qh::cli
