// A device is on this host, and is one that can be given away.
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void present(const Survey& s, const Device& d, Findings& out) {
  if (!d.present)
    refuse(out, "present", d, "there is no such device on this host",
           "see `lspci -D`; remove it from the guest " + edit(s) + ", or put the card back");
  else if (d.present->is_bridge())
    refuse(out, "present", d, "it is a bridge, which cannot be given to a guest",
           "remove it from the guest " + edit(s) + "; name the devices behind it instead");
}

}  // namespace qh::handover::checks
