#include "event/hook.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "core/file.h"
#include "core/text.h"
#include "event/daemon_start.h"
#include "handover/conf.h"
#include "handover/handover.h"
#include "handover/journal.h"
#include "handover/machine.h"
#include "handover/reset.h"
#include "handover/trial.h"
#include "host/names.h"
#include "xml/domain.h"

namespace qh::event {
namespace {

int say(std::string_view text, int status) {
  (void)write_all(2, text, "stderr");
  return status;
}

// libvirt puts all of it behind "Hook script execution failed: … exit status 1:", and people read it on a
// phone.
constexpr std::size_t most_lines = 10;

// `kind`: of the event in the log.
int report(host::Log& log, const std::vector<Error>& errors, const char* kind) {
  if (errors.empty()) return 0;
  std::vector<std::string> lines;
  for (const auto& e : errors) {
    lines.push_back("qemu-hook: " + printable(e.message));
    if (!e.remedy.empty()) lines.push_back("  hint: " + printable(e.remedy));
    log.error(e, {kind});
  }
  if (lines.size() > most_lines) {
    lines.resize(most_lines - 1);
    lines.push_back("  for the rest, see journalctl -t qemu-hook");
  }
  return say(join(lines, "\n") + "\n", 1);
}

std::vector<Error> prepare(const host::Host& host, const std::string& guest_name, host::Log& log) {
  // First of all: whoever has called may end while the XML is read.
  const auto daemon = host::find_calling_daemon(host);
  auto text = read_fd(STDIN_FILENO, "the XML on stdin", xml::largest_domain_xml);
  if (!text) return {text.error()};
  auto domain = xml::parse_domain(std::move(*text));
  if (!domain) return {domain.error()};
  domain->name = guest_name;
  const bool left_over = handover::has_journal(host, guest_name);
  if (domain->devices.empty() && !left_over) return {};

  auto conf = handover::load_host_conf(host);
  if (!conf) return {conf.error()};
  if (!daemon) return {daemon.error()};
  handover::Machine machine(host, *conf, log);
  machine.ports.daemon = *daemon;
  if (domain->devices.empty()) {
    // It needs none of them any more, so what cannot be given back is no reason to keep it from starting.
    for (const auto& error : handover::release(machine.ports, guest_name)) log.warning(error.message);
    return {};
  }

  auto synced = handover::sync_conf(host, *conf, *domain, config::OnOtherCard::keep);
  if (!synced) return {synced.error()};
  for (const auto& notice : synced->notices) log.warning(notice);
  if (synced->not_saved) log.warning(synced->not_saved->message);
  const auto guest = handover::make_guest(*domain, synced->synced.conf, machine.ports.host);
  return handover::prepare(machine.ports, guest);
}

// With defaults where the host's conf cannot be read: what was taken must be given back all the same.
config::HostConf conf_or_defaults(const host::Host& host, host::Log& log) {
  auto conf = handover::load_host_conf(host);
  if (conf) return *conf;
  log.warning(conf.error().message + "; using the defaults");
  return {};
}

// In the place of a daemon that ended before it could be found: no process has this number.
constexpr host::ProcessId ended;

std::vector<Error> release(const host::Host& host, const std::string& guest, host::Log& log) {
  if (!handover::has_journal(host, guest)) return {};
  const auto daemon = host::find_calling_daemon(host);
  handover::Machine machine(host, conf_or_defaults(host, log), log);
  machine.ports.daemon = daemon.value_or(ended);
  return handover::release(machine.ports, guest);
}

// The guest's devices are on their VFIO drivers, QEMU is gone. What fails here stops nothing.
std::vector<Error> stopped(const host::Host& host, const std::string& guest, host::Log& log) {
  if (!handover::has_journal(host, guest)) return {};
  const auto daemon = host::find_calling_daemon(host);
  const auto host_conf = conf_or_defaults(host, log);
  const auto record = handover::find_record(host, guest);
  // A guest without a conf has the host's defaults.
  auto conf = handover::load_guest_conf(host, guest, record ? record->uuid : "", host_conf.defaults);
  if (!conf) {
    log.warning("no reset: " + conf.error().message);
    return {};
  }
  conf->guest = guest;
  handover::Machine machine(host, host_conf, log);
  machine.ports.daemon = daemon.value_or(ended);
  handover::reset_devices(machine.ports, *conf);
  return {};
}

// The events that are acted on, by operation and sub-operation. A guest's `start` is "start begin"; "start -"
// is the daemon's own (virHookCall in main of src/remote/remote_daemon.c).
using Action = std::vector<Error>(const host::Host& host, const std::string& guest, host::Log& log);
struct Event {
  std::string_view name;
  Action* action;
};
constexpr Event events[] = {{"prepare begin", prepare},
                            {"stopped end", stopped},
                            {"release end", release},
                            {"start -", daemon_start}};

// Whether libvirt calls this program before it calls it as `hook`. It calls hooks/qemu, then each executable
// in hooks/qemu.d by name (virHookCall in src/util/virhook.c). Of those that are this program, the first acts
// and the others do nothing: a package's link may stand beside one made by hand, and a package manager that
// replaces a link has two for a moment, the second one's name being a longer one.
bool is_called_before(const host::Host& host, const std::string& hook) {
  const std::string folder = hook.substr(0, hook.rfind('/')), name = hook.substr(hook.rfind('/') + 1);
  if (!folder.ends_with(".d")) return false;
  struct stat own {};
  if (::stat(host.path(hook).c_str(), &own) < 0) return false;
  const auto is_own = [&](const std::string& path) {
    struct stat other {};
    return ::stat(host.path(path).c_str(), &other) == 0 && other.st_dev == own.st_dev &&
           other.st_ino == own.st_ino;
  };
  if (is_own(folder.substr(0, folder.size() - 2))) return true;
  for (const auto& earlier : host.list(folder)) {
    if (earlier >= name) break;
    if (is_own(folder + "/" + earlier)) return true;
  }
  return false;
}

}  // namespace

bool is_hook_call(const std::string& argv0) {
  const std::string name = argv0.substr(argv0.rfind('/') + 1);
  return name != "qemu-hook" || argv0.find("/libvirt/hooks/") != std::string::npos;
}

int run(const host::Host& host, const std::string& hook, const std::vector<std::string>& arguments) {
  if (arguments.size() < 3)
    return say("qemu-hook: libvirt calls the hook as: qemu GUEST OPERATION SUB-OPERATION EXTRA\n", 2);
  // A user's session guest: libvirt runs the same file without root, and none of this host's devices is its.
  if (::geteuid() != 0) return 0;
  const std::string &guest = arguments[0], name = arguments[1] + " " + arguments[2];
  const auto* event = std::ranges::find(events, name, &Event::name);
  if (event == std::end(events) || is_called_before(host, hook)) return 0;
  // libvirt may be gone by the time there is something to say.
  std::signal(SIGPIPE, SIG_IGN);
  if (guest == names::trial_guest) {
    if (event->action != prepare) return 0;
    // libvirt's own error, which its log gets too, repeats this.
    return say(
        "qemu-hook: libvirt calls the hook. This guest of install.sh is there only to find that out; it is "
        "not meant to start.\n" +
            handover::to_text(handover::make_trial(host)),
        1);
  }
  host::Log log(host, guest);
  return report(log, event->action(host, guest, log),
                event->action == prepare ? host::events::refused : host::events::not_undone);
}

}  // namespace qh::event
