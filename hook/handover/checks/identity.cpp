// The card that was meant is the card that stands at the address.
#include <algorithm>

#include "handover/checks/checks.h"

namespace qh::handover::checks {
namespace {

// The function elsewhere that has this identity and that the guest does not mean otherwise.
std::string where_now(const Survey& s, const std::string& identity) {
  for (const auto& other : s.all_devices) {
    const bool meant = std::ranges::any_of(s.guest.devices, [&](const Device& d) {
      return d.address() == other.address && d.conf.identity == identity;
    });
    if (other.identity == identity && !meant) return other.address.text();
  }
  return {};
}

// "NVIDIA Corporation GA104 [GeForce RTX 3070] (10de:2484 1462:3909 030000)"
std::string card(const Survey& s, const std::string& identity) {
  const auto name = s.names.find(identity);
  return name == s.names.end() || name->second.empty() ? identity : name->second + " (" + identity + ")";
}

}  // namespace

void identity(const Survey& s, const Device& d, Findings& out) {
  if (!d.present || d.conf.identity.empty() || d.conf.identity == d.present->identity) return;
  const std::string moved = where_now(s, d.conf.identity);
  refuse(out, "identity", d,
         "another card is at this address now: " + card(s, d.present->identity) +
             "; the guest's conf expects " + card(s, d.conf.identity) +
             (moved.empty() ? ", which is no longer on this host" : ", which is now at " + moved),
         (moved.empty() ? "" : "change the guest's address to " + moved + " " + edit(s) + ", or ") +
             std::string("if you mean the new card, run ") + call("--setup", s.guest.name));
}

}  // namespace qh::handover::checks
