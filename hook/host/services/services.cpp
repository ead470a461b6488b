#include "host/services/services.h"

#include <signal.h>
#include <unistd.h>

#include <vector>

#include "core/contains.h"
#include "core/text.h"
#include "host/names.h"
#include "host/processes/child.h"

namespace qh::host {
namespace {

// How long a question may take that changes nothing.
constexpr Milliseconds question_limit{5000};

tl::unexpected<Error> not_here() {
  return fail(ErrorKind::unavailable, "services are left alone under QEMU_HOOK_ROOT");
}

// A report has the answer in a file.
Result<std::string> answer_of(const Host& host, const std::string& tool,
                              const std::vector<std::string>& arguments) {
  const std::string file = "/report/answers/" + tool + " " + join(arguments, " ");
  if (host.is_copy()) return host.read(file);
  auto text = run_tool(tool, arguments, question_limit);
  if (text) note(host.path(file), *text);
  return text;
}

struct UnitState {
  std::string name;     // what an alias stands for
  std::string active;   // "active", "inactive", "failed", "deactivating", …
  bool queued = false;  // a job for it waits: of a unit that is down it can only be its start
  // Neither, where systemd did not answer.
  bool is_down() const { return (active == "inactive" || active == "failed") && !queued; }
  bool runs() const { return !active.empty() && !is_down(); }
};

Result<UnitState> ask_unit_state(const std::string& unit) {
  UnitState state;
  const auto text =
      run_tool("systemctl", {"show", "--property=Id,ActiveState,Job", "--", unit}, question_limit);
  if (!text) return fail(text.error());
  for (const auto line : split(*text, '\n')) {
    if (line.starts_with("Id=")) state.name = trimmed(line.substr(3));
    if (line.starts_with("ActiveState=")) state.active = trimmed(line.substr(12));
    // The job's number; none, or 0 before systemd 240, without one.
    if (line.starts_with("Job="))
      state.queued = trimmed(line.substr(4)).find_first_not_of('0') != std::string::npos;
  }
  return state;
}

UnitState unit_state(const std::string& unit) {
  return ask_unit_state(unit).value_or(UnitState{});
}

// From files alone: the alias that `systemctl enable` makes, and whether the unit has processes.
std::string recorded_display_manager(const Host& host) {
  const auto path = host.link_target("/etc/systemd/system/display-manager.service");
  if (!path) return {};
  const std::string unit = path->substr(path->rfind('/') + 1);
  return host.exists("/sys/fs/cgroup/system.slice/" + unit) ? unit : "";
}

}  // namespace

bool RealServices::has_systemd() const {
  return host_.exists(names::systemd_runs);
}

Result<std::string> RealServices::display_manager() const {
  if (has_systemd()) {
    const std::string recorded = recorded_display_manager(host_);  // looked at always, for a report
    if (host_.is_copy()) return recorded;
    const auto unit = ask_unit_state("display-manager.service");
    if (!unit) return fail_in("qemu-hook cannot tell whether a display manager is running", unit.error());
    return unit->runs() ? unit->name : "";
  }
  // OpenRC has no alias for it. Gentoo's own script comes first, which starts whichever is configured.
  for (const char* name :
       {"display-manager", "xdm", "gdm", "sddm", "lightdm", "lxdm", "slim", "greetd", "ly", "nodm"})
    if (is_running(name)) return std::string(name);
  return std::string();
}

bool RealServices::is_running(const std::string& service) const {
  // A script for every init leaves OpenRC's mark only when it was started with its runlevel, and answers
  // itself.
  if (!has_systemd())
    return host_.exists(std::string(names::openrc_started) + "/" + service) ||
           (host_.exists("/etc/init.d/" + service) && answer_of(host_, "rc-service", {service, "status"}));
  // Looked at always, for a report.
  const bool has_processes = host_.exists("/sys/fs/cgroup/system.slice/" + service);
  return host_.is_copy() ? has_processes : unit_state(service).runs();
}

std::vector<std::string> RealServices::stopped_with(const std::string& service) const {
  if (!has_systemd()) return {};
  // The properties' names as seen from the unit that is named there (systemd.unit(5), "Mapping of unit
  // properties to their inverses").
  std::vector<std::string> arguments{"show", "--value"};
  for (const char* property : {"ConsistsOf", "BoundBy", "RequiredBy", "RequisiteOf", "PropagatesStopTo"})
    arguments.push_back(std::string("--property=") + property);
  arguments.insert(arguments.end(), {"--", service});
  const auto text = answer_of(host_, "systemctl", arguments);
  if (!text) return {};
  std::vector<std::string> units;
  for (const auto unit : words(*text)) add_once(units, std::string(unit));
  std::erase_if(units, [&](const auto& unit) { return !is_running(unit); });
  return units;
}

Result<void> RealServices::bring(const std::string& verb, const std::string& service, Milliseconds timeout) {
  const bool up = verb == "start";
  if (host_.is_copy()) return not_here();
  if (!has_systemd())
    return is_running(service) == up ? Result<void>()
                                     : outcome(run_tool("rc-service", {service, verb}, timeout));
  // A guest that is started and ended a few times in a row must not use up the unit's starts
  // (StartLimitBurst=).
  if (up) (void)run_tool("systemctl", {"reset-failed", "--", service}, question_limit);
  if (auto done = run_tool("systemctl", {verb, "--", service}, timeout); !done) return fail(done.error());
  const auto state = unit_state(service);
  if (up ? !state.is_down() : !state.runs()) return {};
  return fail(ErrorKind::failed,
              service + (up ? " is not running" : " is still running") + " after `systemctl " + verb + "`",
              "see `systemctl status " + service + "`");
}

Result<void> RealServices::end_session(const std::string& id, Milliseconds timeout) {
  if (host_.is_copy()) return not_here();
  return outcome(run_tool("loginctl", {"terminate-session", "--", id}, timeout));
}

void RealServices::end_process(const ProcessId& process, bool by_force) {
  if (!host_.is_copy() && is_alive(host_, process)) ::kill(process.pid, by_force ? SIGKILL : SIGTERM);
}

bool RealServices::has_persistence(const PciAddress& card) const {
  const auto mode = answer_of(host_, "nvidia-smi",
                              {"-i", card.text(), "--query-gpu=persistence_mode", "--format=csv,noheader"});
  return mode && trimmed(*mode) == "Enabled";
}

Result<void> RealServices::set_persistence(const PciAddress& card, bool on, Milliseconds timeout) {
  if (host_.is_copy()) return not_here();
  return outcome(run_tool("nvidia-smi", {"-i", card.text(), "-pm", on ? "1" : "0"}, timeout));
}

Result<void> RealServices::hold_awake(const Awake& awake, Milliseconds timeout) {
  if (host_.is_copy()) return not_here();
  if (!has_systemd()) return fail(ErrorKind::unavailable, "there is no systemd to keep the host awake");
  if (unit_state(awake.unit).runs()) return {};
  // The hook is gone while the guest runs, so whoever keeps the host awake must find the end by himself,
  // should nobody end him: with the journal; and with QEMU, for which libvirt gets five minutes.
  const std::string watch =
      "n=0; while [ -e \"$1\" ] && { n=$((n + 1)); [ $n -le 60 ] || kill -0 \"$(cat \"$2\")\"; }; "
      "do sleep 5; done";
  // systemd expands ${…} in the command, and takes $$ for $.
  const auto literal = [](const std::string& text) { return replaced(text, '$', "$$"); };
  return outcome(
      run_tool("systemd-run",
               {"--quiet", "--collect", "--unit=" + awake.unit, "--property=StandardError=null",
                "--property=KillSignal=SIGKILL", "--", "systemd-inhibit", "--what=sleep:handle-lid-switch",
                "--mode=block", "--who=qemu-hook", "--why=" + literal(awake.reason), "/bin/sh", "-c",
                literal(watch), "qemu-hook", literal(awake.journal), literal(awake.pid_file)},
               timeout));
}

Result<void> RealServices::let_sleep(const std::string& unit, Milliseconds timeout) {
  if (host_.is_copy()) return not_here();
  if (!has_systemd() || unit_state(unit).is_down()) return {};
  return outcome(run_tool("systemctl", {"stop", "--", unit}, timeout));
}

}  // namespace qh::host
