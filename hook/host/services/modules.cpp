#include "host/services/modules.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "core/contains.h"
#include "core/text.h"
#include "host/names.h"
#include "host/processes/child.h"

namespace qh::host {

Result<void> Modprobe::load(const std::string& module, Milliseconds timeout) {
  const auto done = run_tool("modprobe", {module}, timeout);
  if (done || !done.error().is(ErrorKind::not_found)) return outcome(done);
  return fail(ErrorKind::not_found, "modprobe is not installed, and " + module + " is not loaded",
              "install kmod");
}

Result<void> Modprobe::unload(const std::string& module, Milliseconds timeout) {
  return outcome(run_in_child("unloading the module " + module, timeout, [&]() -> Result<std::string> {
    // Not modprobe -r, which takes the modules beneath along. O_NONBLOCK: a module in use is an answer at
    // once, see delete_module(2).
    if (::syscall(SYS_delete_module, module.c_str(), O_NONBLOCK) == 0 || errno == ENOENT)
      return std::string();
    if (errno == EWOULDBLOCK || errno == EBUSY)
      return fail(ErrorKind::failed, "the module " + module + " is in use");
    return fail(system_error("unload", "the module " + module, errno));
  }));
}

bool is_loaded_module(const Host& host, const std::string& module) {
  // Only what can be unloaded has a count (kernel/module/main.c).
  return host.sysfs.exists(names::module(module) + "/refcnt");
}

std::string driver_module(const Host& host, const PciAddress& address) {
  return host.sysfs.link(names::attribute(address, "driver/module")).value_or("");
}

std::vector<std::string> modules_above(const Host& host, const std::string& module) {
  std::vector<std::string> order;
  const auto visit = [&](const auto& self, const std::string& of, int depth) -> void {
    for (const auto& holder : host.sysfs.list(names::module(of) + "/holders")) {
      if (depth < 8) self(self, holder, depth + 1);
      add_once(order, holder);
    }
  };
  visit(visit, module, 0);
  return order;
}

std::string kernel_release(const Host& host) {
  if (const auto text = host.read("/proc/sys/kernel/osrelease")) return std::string(trimmed(*text));
  utsname kernel{};
  ::uname(&kernel);
  return kernel.release;
}

bool module_is_installed(const Host& host, const std::string& kernel, const std::string& module) {
  // A tree of another host's files that was made by hand rarely has its modules: give it the benefit.
  if (!host.exists("/lib/modules")) return host.is_copy() && !host.exists("/proc/sys/kernel/osrelease");
  for (const char* name : {"modules.builtin", "modules.dep"}) {
    const auto text = host.read("/lib/modules/" + kernel + "/" + name, 16U << 20U);
    if (text && text->find("/" + module + ".ko") != std::string::npos) return true;
  }
  return false;
}

}  // namespace qh::host
