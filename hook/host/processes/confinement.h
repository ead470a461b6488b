// AppArmor and SELinux: what keeps a process from what root can otherwise do.
#pragma once

#include <string>

#include "host/host.h"

namespace qh::host {

// AppArmor's profile that is enforced on a process, by default on this one; empty: none is.
std::string confinement(const Host& host, const std::string& pid = "self");

// From now on this process is confined by that profile. Without the right to do so nothing changes.
void confine(const std::string& profile);

// Of a process, by default of this one, as the kernel writes it: "unconfined", "libvirtd (enforce)",
// "system_u:system_r:virtqemud_t:s0". Empty without any such thing in the kernel.
std::string context(const Host& host, const std::string& pid = "self");

// What confines this process, "the AppArmor profile libvirtd" or "the SELinux context …", and the way out.
// Both are empty if nothing does. SELinux's domains without limits have "unconfined" in their names.
struct Confining {
  std::string by;
  std::string remedy;
};
Confining confining(const Host& host);

// SELinux is on and denies things, at least to those whom its policy confines.
bool selinux_enforces(const Host& host);

// "bin_t", of a file labelled system_u:object_r:bin_t:s0; empty without a label.
std::string selinux_type(const std::string& file);

// With install/selinux/qemu_hook.cil, virtqemud runs the program in a domain without limits.
inline constexpr char policy_remedy[] =
    "load qemu-hook's SELinux module: `semodule -i /usr/share/qemu-hook/qemu_hook.cil && restorecon -v "
    "/usr/sbin/qemu-hook` (`install/install.sh` does both)";

// AppArmor runs a program in /etc/libvirt/hooks inside libvirt's own profile, and what a link leads to
// without one.
inline constexpr char link_remedy[] =
    "put a link to /usr/sbin/qemu-hook into /etc/libvirt/hooks instead of the program itself; "
    "`install/install.sh` does this";

}  // namespace qh::host
