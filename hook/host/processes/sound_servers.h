// Sound servers have each card's control node open for its mixer, for as long as they run.
#pragma once

#include <string>
#include <vector>

#include "core/pci_address.h"
#include "host/host.h"
#include "host/processes/holders.h"

namespace qh::host {

// A sound server that has nothing of a function open but control nodes: nothing plays. It closes these when
// udev tells it that the card goes, and the kernel waits for that without a limit (snd_card_free in
// sound/core/init.c).
struct SoundWatcher {
  int pid = 0;
  PciAddress function;
  bool stopped = false;             // by a signal or with its control group: it will close nothing
  std::string told_to_ignore = {};  // the property in udev's database by which it misses that the card goes

  bool is(const Holder& holder) const { return holder.pid == pid && holder.node.function == function; }
  bool lets_go() const { return !stopped && told_to_ignore.empty(); }
};

std::vector<SoundWatcher> sound_watchers(const Host& host, const std::vector<Holder>& holders);

// Without those that let go by themselves when the card goes.
std::vector<Holder> without_watchers(const Host& host, std::vector<Holder> holders);

}  // namespace qh::host
