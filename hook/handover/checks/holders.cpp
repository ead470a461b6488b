// No process has the devices' nodes open.
#include "core/contains.h"
#include "core/text.h"
#include "handover/checks/check.h"
#include "host/names.h"
#include "host/processes/confinement.h"

namespace qh::handover::checks {

void holders(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    std::vector<host::Holder> disks, own, behind;
    for (const auto& h : s.holders.holders)
      if (h.node.function == d.address() && h.node.kind != host::NodeKind::vfio &&
          h.node.kind != host::NodeKind::shared)  // for these only the driver's module has to stay
        (h.node.kind == host::NodeKind::hot_plug ? behind : h.node.is_block ? disks : own).push_back(h);
    // As with every disk in use, nothing overrules it: what is written there would be lost.
    if (!disks.empty())
      refuse(out, "holders", d, "one of its disks is in use by " + describe(disks), "end that first");
    if (contains(s.gpu.console_devices, d.address())) continue;
    for (auto& finding : check_desktop_holders(s.guest, d, own, s.desktop)) out.push_back(std::move(finding));
    if (!behind.empty() && !d.conf.allow_in_use)
      add(out, "holders", Severity::warning, d.address(),
          "what is plugged into it is in use by " + describe(behind), "");
  }
  if (!s.profile.empty() && !s.holders.hidden.empty()) {
    // Whoever holds a device keeps its driver from letting go.
    out.push_back({"holders", Severity::error, "",
                   "the AppArmor profile " + printable(s.profile) + ", which confines " +
                       names::libvirt_hook +
                       ", hides processes that may have a device open: " + join_few(s.holders.hidden),
                   host::link_remedy});
    return;
  }
  if (s.holders.unknown.empty()) return;
  std::vector<std::string> pids;
  for (const int pid : s.holders.unknown) pids.push_back(std::to_string(pid));
  out.push_back(
      {"holders", Severity::warning, "",
       "processes that could not be inspected may have a device open: " + join_few(pids),
       s.sees_all ? "`ps -p " + join(pids, ",") + "` shows what they are" : "run this again as root"});
}

}  // namespace qh::handover::checks
