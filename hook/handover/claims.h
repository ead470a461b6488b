// Which guest has which device: the journals say it, and the host says whether they still hold.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "handover/journal.h"
#include "host/host.h"

namespace qh::handover {

enum class Holding {
  by_hand,   // detached by `--detach`, until `--reattach`
  running,   // its QEMU runs
  changing,  // between two states, soon over: starting, ending, or being undone just now
  leftover,  // nobody will come to undo it: the daemon that would have is gone, and so is the guest; or the
             // device was unplugged from the guest
};

Holding holding(const host::Host& host, const Record& record);
// The same whether or not somebody works on the journal: for whoever has its lock.
Holding holding_despite_lock(const host::Host& host, const Record& record);

// The devices of a running guest's journal that its QEMU does not have any more: they were unplugged, and
// nobody but this program gives them back.
std::vector<PciAddress> unplugged(const host::Host& host, const Record& record);

struct Conflict {
  PciAddress address;
  Record owner;
  Holding holding = Holding::running;
};

// The devices of `addresses` that journals of other guests claim.
std::vector<Conflict> find_conflicts(const host::Host& host, const std::string& guest,
                                     const std::vector<PciAddress>& addresses);

// "since 20:14", with the date if it was not today.
std::string since(std::time_t when);

}  // namespace qh::handover
