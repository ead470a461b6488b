// The host, and the guest itself, need no disk on the devices. Never overruled.
#include "core/text.h"
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void storage(const Survey& s, const Device& d, Findings& out) {
  const auto& [uses, unknown] = d.use.storage;
  std::vector<std::string> sentences, doubts;
  for (const auto& use : uses) sentences.push_back(use.sentence);
  for (const auto& use : unknown) doubts.push_back(use.sentence);
  if (!sentences.empty())
    refuse(
        out, "storage", d, "the host needs a disk on it: " + join_few(sentences),
        "stop using that disk first (umount, swapoff, vgchange -an), or remove the device from the guest " +
            edit(s));
  else if (!doubts.empty())
    // What cannot be told counts as in use; but only root can tell at all.
    add(out, "storage", s.sees_all ? Severity::error : Severity::warning, d.address(),
        "qemu-hook cannot tell whether the host needs a disk on it: " + join_few(doubts),
        s.sees_all ? "see `dmesg`" : "run this again as root");
}

}  // namespace qh::handover::checks
