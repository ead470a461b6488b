#include "host/processes/abilities.h"

#include <linux/capability.h>
#include <unistd.h>

#include <cstdlib>

#include "host/names.h"
#include "host/processes/child.h"
#include "host/processes/confinement.h"

namespace qh::host {
namespace {

constexpr Milliseconds tool_limit{3000};

// By `settings`, of systemd.exec(5).
std::string out_of_the_unit(const char* settings) {
  return std::string("take ") + settings +
         " out of the unit of libvirt's daemon (`systemctl cat libvirtd virtqemud` shows it)";
}

// By whatever confines the process, or by settings of the unit.
Lack denied(const Host& host, const std::string& what, const char* settings) {
  const auto confined = confining(host);
  if (confined.by.empty()) return {what, out_of_the_unit(settings)};
  return {what + " (in " + confined.by + ")", confined.remedy + "; or " + out_of_the_unit(settings)};
}

// Whatever this process executes can have no capability that is not in its bounding set (capabilities(7)).
bool is_without(const Host& host, int capability) {
  const std::string status = host.read("/proc/self/status").value_or("");
  const auto at = status.find("\nCapBnd:");
  if (at == std::string::npos) return false;
  return (std::strtoull(status.c_str() + at + 8, nullptr, 16) & (1ULL << capability)) == 0;
}

// A tool that is not installed is somebody else's to report.
void try_tool(const Host& host, const std::string& name, const std::vector<std::string>& arguments,
              std::vector<Lack>& lacks) {
  if (host.is_copy()) return;
  const auto ran = run_tool(name, arguments, tool_limit);
  if (ran || ran.error().is(ErrorKind::not_found)) return;
  const std::string what = "run " + name + ": " + ran.error().message;
  lacks.push_back(ran.error().remedy.empty() ? Lack{what, out_of_the_unit("what denies this")}
                                             : Lack{what, ran.error().remedy});
}

}  // namespace

bool may_load_modules(const Host& host) {
  return !is_without(host, CAP_SYS_MODULE);
}

std::vector<Lack> find_lacks(const Host& host, const Needs& needs) {
  std::vector<Lack> lacks;
  if (::geteuid() != 0 && !host.is_copy()) return lacks;
  if (const auto opened = host.sysfs.try_write(names::drivers_probe);
      !opened && !opened.error().is(ErrorKind::not_found))
    lacks.push_back(denied(host, "write to sysfs: " + opened.error().message, "ProtectKernelTunables="));
  // Descriptors are shown to those who may trace the process (proc_fd_access_allowed in fs/proc/base.c). A
  // single process that stays hidden all the same is found by whoever looks for holders.
  if (is_without(host, CAP_SYS_PTRACE))
    lacks.push_back({"look at other processes: the capability CAP_SYS_PTRACE was taken away",
                     out_of_the_unit("CapabilityBoundingSet=, or what else takes it,")});
  if (needs.modules) {
    if (!may_load_modules(host))
      lacks.push_back({"load modules: the capability CAP_SYS_MODULE was taken away",
                       out_of_the_unit("ProtectKernelModules=")});
    try_tool(host, "modprobe", {"--version"}, lacks);
  }
  if (needs.services && host.exists(names::systemd_runs))
    try_tool(host, "systemctl", {"show", "--property=Version"}, lacks);
  const auto own = host.link_target("/proc/self/ns/net"), all = host.link_target("/proc/1/ns/net");
  if (needs.network && own && all && *own != *all)
    lacks.push_back({"see the host's network links", out_of_the_unit("PrivateNetwork=")});
  return lacks;
}

}  // namespace qh::host
