// The host's network does not need the devices.
#include "core/text.h"
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void network(const Survey& s, const Device& d, Findings& out) {
  if (d.use.network.empty() || d.conf.allow_in_use) return;
  std::vector<std::string> sentences;
  for (const auto& use : d.use.network) sentences.push_back(use.sentence);
  refuse(out, "network", d, "the host's network needs it: " + join_few(sentences),
         "move that to another interface first; or, if the host can do without it, " + allow(s));
}

}  // namespace qh::handover::checks
