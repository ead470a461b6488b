#include "host/modules.h"

#include "host/child.h"
#include "host/file.h"

namespace qh::host {

Result<void> Modprobe::load(const std::string& module, Milliseconds timeout) {
  // Both are where distributions have it, also those that did not merge /usr. Absolute: libvirt's AppArmor
  // profile lets a confined hook run these and nothing else.
  for (const char* program : {"/usr/sbin/modprobe", "/sbin/modprobe", "/usr/bin/modprobe"}) {
    if (!exists(program)) continue;
    const auto done = run_program({program, module}, timeout);
    if (!done) return fail(done.error());
    return {};
  }
  return fail(ErrorKind::not_found, "modprobe is not installed, and " + module + " is not loaded",
              "install kmod");
}

}  // namespace qh::host
