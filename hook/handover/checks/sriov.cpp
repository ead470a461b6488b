// A physical function keeps its virtual ones.
#include "core/text.h"
#include "handover/checks/check.h"

namespace qh::handover::checks {

void sriov(const Survey& s, Findings& out) {
  for (std::size_t i = 0; i < s.guest.devices.size(); ++i) {
    if (s.uses[i].virtual_functions.empty()) continue;
    const Device& d = s.guest.devices[i];
    refuse(out, "SR-IOV", d,
           "it has virtual functions, which would disappear: " + join_few(texts(s.uses[i].virtual_functions)),
           "`echo 0 > /sys/bus/pci/devices/" + d.address().text() +
               "/sriov_numvfs` removes them; or give the guest one of them instead");
  }
}

}  // namespace qh::handover::checks
