#include "handover/planner.h"

#include <algorithm>

#include "host/names.h"

namespace qh::handover {

Plan make_plan(std::vector<ToDetach> devices, bool vfio_loaded) {
  Plan plan;
  if (devices.empty()) return plan;
  const auto rank = [](const ToDetach& d) { return d.is_audio ? 0 : d.is_display ? 2 : 1; };
  std::stable_sort(devices.begin(), devices.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });

  if (!vfio_loaded)
    plan.push_back(
        {LoadModule{names::vfio_pci}, "its driver must be there before the first host driver is unbound"});
  for (const auto& d : devices)
    if (!d.measured.host_driver.empty())
      plan.push_back({Unbind{d.measured}, "the host uses it with " + d.measured.host_driver});
  for (const auto& d : devices)
    plan.push_back({Detach{d.measured}, "the guest's QEMU opens it through VFIO"});
  return plan;
}

}  // namespace qh::handover
