// vfio-pci is there, and somebody is to bind the devices to it.
#include "handover/checks/checks.h"
#include "host/names.h"

namespace qh::handover::checks {

void driver(const Survey& s, Findings& out) {
  if (!s.has_vfio) out.push_back(missing_vfio(s.kernel));
  for (const auto& d : s.guest.devices)
    if (d.present && !d.is_ours() && !d.wanted.managed && !d.present->driver.empty() && !d.present->on_vfio)
      refuse(out, "driver", d,
             "it is on its host driver " + d.present->driver +
                 ", and nothing will detach it (detach = \"never\", managed='no')",
             "set `detach = \"auto\"` for it in " + names::guest_conf(s.guest.name));
}

}  // namespace qh::handover::checks
