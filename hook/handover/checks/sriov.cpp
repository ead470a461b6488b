// A physical function keeps its virtual ones.
#include "core/text.h"
#include "handover/checks/checks.h"

namespace qh::handover::checks {

void sriov(const Survey&, const Device& d, Findings& out) {
  if (d.use.virtual_functions.empty()) return;
  refuse(out, "SR-IOV", d,
         "it has virtual functions, which would disappear: " + join_few(texts(d.use.virtual_functions)),
         "`echo 0 > /sys/bus/pci/devices/" + d.address().text() +
             "/sriov_numvfs` removes them; or give the guest one of them instead");
}

}  // namespace qh::handover::checks
