// AppArmor: the profile that keeps a process from what root can otherwise do.
#pragma once

#include <string>

#include "host/host.h"

namespace qh::host {

// The profile that is enforced on a process, by default on this one; empty: none is.
std::string confinement(const Host& host, const std::string& pid = "self");

// From now on this process is confined by that profile. Without the right to do so nothing changes.
void confine(const std::string& profile);

// AppArmor runs a program in /etc/libvirt/hooks inside libvirt's own profile, and what a link leads to
// without one.
inline constexpr char link_remedy[] =
    "put a link to /usr/sbin/qemu-hook into /etc/libvirt/hooks instead of the program itself; "
    "`install/install.sh` does this";

}  // namespace qh::host
