#include "handover/readiness.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <optional>

#include "core/file.h"
#include "core/text.h"
#include "handover/checks/checks.h"
#include "handover/trial.h"
#include "host/names.h"
#include "host/pci/iommu.h"
#include "host/processes/confinement.h"
#include "host/processes/process.h"
#include "host/services/modules.h"

namespace qh::handover {
namespace {

using Findings = std::vector<Finding>;

void add(Findings& out, const char* check, Severity severity, std::string message, std::string remedy) {
  out.push_back({check, severity, "", std::move(message), std::move(remedy)});
}

// The hook as libvirt finds it: the file `qemu`, or since libvirt 6.5 anything in qemu.d.
struct Hook {
  std::string path;
  std::string target;
  struct stat link {};  // of the name itself: when it was put there
  struct stat file {};  // of what it leads to
};

// What the path leads to, below `root` also where a link is absolute.
std::string behind(const host::Host& host, const std::string& path) {
  const auto target = link_target(path);
  if (host.is_copy() && target && target->starts_with('/')) return host.path(*target);
  char buffer[PATH_MAX];
  return ::realpath(path.c_str(), buffer) != nullptr ? buffer : path;
}

bool is_ours(const std::string& file) {
  constexpr std::string_view mark = "qemu-hook journal 1";
  if (file.substr(file.rfind('/') + 1) == "qemu-hook") return true;
  const bool has_mark = read_file(file, 64U << 20U).value_or("").find(mark) != std::string::npos;
  note(file, has_mark ? mark : "");
  return has_mark;
}

std::optional<Hook> find_hook(const host::Host& host) {
  std::vector<std::string> candidates{host.path(names::libvirt_hook)};
  for (const auto& name : host.list(names::libvirt_hook_folder))
    candidates.push_back(host.path(std::string(names::libvirt_hook_folder) + "/" + name));
  for (const auto& path : candidates) {
    Hook hook{path, behind(host, path)};
    if (::lstat(path.c_str(), &hook.link) == 0 && is_ours(hook.target)) {
      (void)::stat(hook.target.c_str(), &hook.file);
      return hook;
    }
  }
  return std::nullopt;
}

bool is_in_hooks(const host::Host& host, const Hook& hook) {
  return hook.target.starts_with(host.path("/etc/libvirt/hooks/"));
}

// Where the program itself in hooks/ runs; empty: nothing confines the daemon, or none runs.
std::string daemon_profile(const host::Host& host) {
  const auto daemon = host::find_running_daemon(host);
  return daemon ? host::confinement(host, std::to_string(daemon->id.pid)) : "";
}

// Its start time counts from boot.
std::time_t start_of(const host::Host& host, const host::Process& process) {
  std::uint64_t boot = 0;
  const auto text = host.read("/proc/stat", 16U << 20U).value_or("");
  for (const auto line : split(text, '\n'))
    if (line.starts_with("btime ")) boot = to_number(line.substr(6));
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return static_cast<std::time_t>(boot + process.id.start_time / ticks);
}

void check_installed(const host::Host& host, const std::optional<Hook>& hook, Findings& out) {
  if (!hook)
    return add(out, "hook", Severity::error,
               std::string("qemu-hook is not installed as libvirt's hook: neither ") + names::libvirt_hook +
                   " nor anything in qemu.d is qemu-hook",
               "run install/install.sh");
  if (!S_ISREG(hook->file.st_mode) || (hook->file.st_mode & 0111) == 0)
    return add(out, "hook", Severity::error, hook->path + " does not lead to an executable file",
               "run install/install.sh");
  if ((hook->file.st_mode & 0755) != 0755)
    add(out, "hook", Severity::error,
        hook->path + " is not executable by everyone: guests of qemu:///session cannot start",
        "chmod 0755 " + hook->path);
  if ((hook->file.st_mode & 022) != 0 || hook->file.st_uid != (host.is_copy() ? ::geteuid() : 0))
    add(out, "hook", Severity::error, hook->path + " runs as root, but users other than root can change it",
        "chown root:root " + hook->path + " && chmod 0755 " + hook->path);

  const auto daemon = host::find_running_daemon(host);
  if (!daemon)
    return add(out, "daemon", Severity::warning,
               "no libvirt daemon is running; it starts with the first guest, or not at all",
               "systemctl start libvirtd (or virtqemud.socket)");
  const std::string name = daemon->command.find("virtqemud") != std::string::npos ? "virtqemud" : "libvirtd";
  // The folder of journals is made by the first `prepare` of a guest with devices: proof that libvirt calls.
  struct stat called {};
  const bool ever = ::stat(host.path(names::run_folder).c_str(), &called) == 0;
  // Nobody can give a copy the other one.
  const auto installed = host.is_copy() ? hook->link.st_mtime : hook->link.st_ctime;
  if (installed > start_of(host, *daemon) && (!ever || called.st_mtime < installed))
    add(out, "daemon", Severity::warning,
        name + " was started before the hook was installed, and has not called it yet",
        "systemctl reload " + name);
  else if (!ever)
    add(out, "daemon", Severity::warning,
        "the hook is installed, but libvirt has not called it for a guest with devices since the boot",
        "do nothing if no such guest was started; otherwise: systemctl reload " + name);
}

void check_kernel(const host::Host& host, Findings& out) {
  if (!host::iommu_at_work(host))
    add(out, "IOMMU", Severity::error, "the kernel has no working IOMMU", host::iommu_remedy(host, false));
  const std::string kernel = host::kernel_release(host);
  if (!host.sysfs.exists(names::vfio_pci_driver) && !host::module_is_installed(host, kernel, names::vfio_pci))
    out.push_back(missing_vfio(kernel));
}

// Of libvirt's daemons only virtqemud is confined, and not by every policy.
bool confines_virtqemud(const host::Host& host) {
  if (const auto daemon = host::find_running_daemon(host))
    return host::context(host, std::to_string(daemon->id.pid)).find(":virtqemud_t:") != std::string::npos;
  return std::ranges::any_of(names::virtqemud, [&](const char* file) {
    return host::selinux_type(host.path(file)) == "virtqemud_exec_t";
  });
}

void check_selinux(const host::Host& host, const Hook& hook, Findings& out) {
  if (!host::selinux_enforces(host) || !confines_virtqemud(host)) return;
  const std::string type = host::selinux_type(hook.target), file = hook.target.substr(host.root.size());
  if (type == "qemu_hook_exec_t") return;
  add(out, "selinux", Severity::warning,
      file + " has the SELinux type " + printable(type) +
          ", not qemu_hook_exec_t, so SELinux confines the hook with virtqemud: it may not use systemctl or "
          "modprobe, and with an older policy not write to sysfs",
      is_in_hooks(host, hook) ? host::link_remedy : host::policy_remedy);
}

void check_apparmor(const host::Host& host, const std::optional<Hook>& hook, Findings& out) {
  if (host.sysfs.read("module/apparmor/parameters/enabled") != "Y" || !hook) return;
  const std::string file = hook->target.substr(host.root.size());
  if (is_in_hooks(host, *hook)) {
    const std::string profile = daemon_profile(host);
    if (!profile.empty() || !host::find_running_daemon(host))
      add(out, "apparmor", Severity::warning,
          hook->path + " is the program itself, not a link to it, so AppArmor confines it with " +
              (profile.empty() ? "libvirt's own profile" : "the profile " + printable(profile)) +
              ". A guest's start is refused while the profile hides a process that may have one of its "
              "devices open, or denies a program that the start needs; `qemu-hook --check GUEST` says so",
          host::link_remedy);
    return;
  }
  for (const char* allowed : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"})
    if (file.find(allowed) == 0) return;
  add(out, "apparmor", Severity::error,
      hook->path + " leads to " + file + ", which AppArmor does not let libvirt execute: no guest can start",
      "make it a link to /usr/sbin/qemu-hook (install/install.sh does this)");
}

void check_trial(const host::Host& host, Findings& out) {
  const auto trial = last_trial(host);
  if (!trial) return;
  for (const auto& lack : trial->lacks)
    add(out, "abilities", Severity::warning, "when libvirt calls the hook, it cannot " + lack.what,
        lack.remedy + "; then run install/install.sh again, which tries it anew");
}

}  // namespace

void be_confined_as_the_hook(const host::Host& host) {
  if (host.is_copy() || ::geteuid() != 0) return;
  const auto hook = find_hook(host);
  if (!hook || !is_in_hooks(host, *hook)) return;
  if (const auto profile = daemon_profile(host); !profile.empty()) host::confine(profile);
}

std::vector<Finding> check_host(const host::Host& host) {
  Findings findings;
  check_kernel(host, findings);
  const auto hook = find_hook(host);
  check_installed(host, hook, findings);
  if (hook) check_selinux(host, *hook, findings);
  check_apparmor(host, hook, findings);
  check_trial(host, findings);
  return findings;
}

}  // namespace qh::handover
