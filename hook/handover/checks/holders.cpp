// No process has the devices' nodes open; and the way out, beside a living desktop.
#include <algorithm>
#include <set>

#include "core/contains.h"
#include "core/text.h"
#include "handover/checks/checks.h"
#include "host/names.h"
#include "host/processes/confinement.h"

namespace qh::handover::checks {
namespace {

using host::Holder;
using Holders = std::vector<Holder>;

bool is_for_computing(const Holder& h) {
  return h.node.path.starts_with("/dev/dri/renderD") || h.node.subsystem == "accel";
}

bool keeps_copies(const Holder& h) {
  return host::serves_sessions(h.pid, h.command);
}

// All holdings of the processes that have one for which `is_it` holds; they are taken out of `from`.
template <class Is>
Holders take_processes(Holders& from, Is is_it) {
  std::set<int> pids;
  for (const auto& h : from)
    if (is_it(h)) pids.insert(h.pid);
  Holders taken = from;
  std::erase_if(taken, [&](const Holder& h) { return !pids.contains(h.pid); });
  std::erase_if(from, [&](const Holder& h) { return pids.contains(h.pid); });
  return taken;
}

host::Place place_of(const Survey& s, const Holder& h) {
  const auto found = s.places.find(h.pid);
  return found == s.places.end() ? host::Place{} : found->second;
}

// The session of the desktop that the process belongs to; nullptr: none is known.
const host::LoginSession* session_of(const Survey& s, const Holder& h) {
  const auto place = place_of(s, h);
  const host::LoginSession* best = nullptr;
  for (const auto& session : s.sessions) {
    if (session.seat.empty() || (!place.session.empty() && session.id != place.session) ||
        (!place.user.empty() && session.user != place.user))
      continue;
    if (best == nullptr || (session.active && !best->active)) best = &session;
  }
  return best;
}

// A program in a session without a seat (over ssh), or of a user who has only such ones, is no desktop.
// What no session is known of counts as one: not every host has logind.
bool is_desktop(const Survey& s, const Holder& h) {
  const auto place = place_of(s, h);
  const bool is_a_users = !place.session.empty() || !place.user.empty();
  return is_card(h.node) && (!is_a_users || s.sessions.empty() || session_of(s, h) != nullptr);
}

// "session 2 (ann on seat0, since 10:12)", of each session once.
std::string sessions_of(const Survey& s, const Holders& desktop) {
  std::vector<std::string> all;
  for (const auto& h : desktop) {
    const auto* session = session_of(s, h);
    if (session == nullptr) continue;
    const std::string user = session->user_name.empty() ? "user " + session->user : session->user_name;
    add_once(all, "session " + printable(session->id) + " (" + printable(user) + " on " +
                      printable(session->seat) + (session->since != 0 ? ", " + since(session->since) : "") +
                      ")");
  }
  return join(all, " and ");
}

// "Xorg (304: /dev/dri/card1), session 2 (ann on seat0, since 10:12)". Not those who only keep copies, unless
// nobody else is there.
std::string describe_desktop(const Survey& s, Holders desktop) {
  if (!std::ranges::all_of(desktop, keeps_copies)) std::erase_if(desktop, keeps_copies);
  const std::string sessions = sessions_of(s, desktop);
  return describe(desktop) + (sessions.empty() ? "" : ", " + sessions);
}

// "WLR_DRM_DEVICES=/dev/dri/card0 (of sway, process 900)", those of all the desktop's processes.
std::string variables_of(const Survey& s, const Holders& desktop) {
  std::vector<std::string> all;
  for (const auto& h : desktop)
    if (const auto found = s.variables.find(h.pid); found != s.variables.end())
      for (const auto& variable : found->second)
        add_once(all, printable(variable) + " (of " + printable(h.command) + ", process " +
                          std::to_string(h.pid) + ")");
  return join(all);
}

void about_desktop(const Survey& s, const Device& d, const Holders& desktop, Findings& out) {
  const std::string variables = variables_of(s, desktop), who = describe_desktop(s, desktop);
  const std::string take_out =
      "take the variable out of where the desktop gets it (/etc/environment, ~/.config/environment.d, "
      "~/.profile, the compositor's own settings)";
  const auto reservation = d.use.reservation;
  std::string message, remedy;
  switch (reservation) {
    case Reservation::none:
    case Reservation::missing:
      message = "the desktop has it open: " + who;
      remedy = call("--setup", s.guest.name, reservation == Reservation::missing ? "" : " --reserve") +
               " makes the host's desktops leave it alone" +
               (variables.empty() ? "" : "; and " + take_out + ": " + variables);
      break;
    case Reservation::impossible:
      message = "the desktop has it open, and the host's own screen is on it: " + who;
      remedy = "set `gpu = \"primary\"` in " + names::guest_conf(s.guest.name) +
               ": the desktop then ends when the guest starts";
      break;
    case Reservation::no_database:
      message = "the desktop has it open, and without udev's database a reservation does nothing: " + who;
      remedy = "let the desktop's own settings keep it off the card";
      break;
    case Reservation::pending:
      message = "is reserved from the next boot on; until then the desktop has it open: " + who;
      remedy =
          "reboot; or log out, from a text console or over ssh stop the display manager (`systemctl stop "
          "display-manager`), " +
          call("--setup", s.guest.name) + ", and start it again";
      break;
    case Reservation::in_force:
      message = variables.empty()
                    ? "is reserved, but the desktop has had it open since before: " + who
                    : "is reserved, but " + variables + " makes the desktop open it all the same: " + who;
      remedy = variables.empty() ? "log out and in again" : take_out + ", then log out and in again";
      break;
  }
  add(out, "holders", d.conf.allow_in_use ? Severity::warning : Severity::error, d.address(), message,
      remedy);
  out.back().reserving_helps = reservation == Reservation::none;
}

// "close firefox, `systemctl stop ollama.service`"
std::string how_to_close(const Survey& s, const Holders& holders) {
  std::vector<std::string> all;
  for (const auto& h : holders) {
    const auto place = place_of(s, h);
    add_once(all, place.service.empty() ? "close " + printable(h.command)
                                        : "`systemctl stop " + printable(place.service) + "`");
  }
  return join_few(all);
}

// Nothing overrules it: the kernel would wait for ever.
void about_sound(const Survey& s, const Device& d, const Holders& watching, Findings& out) {
  for (const auto& w : s.watchers) {
    if (w.function != d.address() || w.lets_go()) continue;
    auto its = watching;
    std::erase_if(its, [&](const Holder& h) { return h.pid != w.pid; });
    const std::string pid = std::to_string(w.pid);
    refuse(
        out, "holders", d,
        "the kernel would wait for ever for " + describe(its) + ", which " +
            (w.stopped ? "is stopped" : w.told_to_ignore + " in udev's database keeps from closing the card"),
        w.stopped ? "`kill -CONT " + pid + "` lets it go on; if its control group is frozen, thaw that"
                  : "`kill " + pid + "`: when it starts again it leaves the card alone");
  }
}

// `rest` are the holders of the device's own nodes.
void about_device(const Survey& s, const Device& d, Holders rest, Findings& out) {
  const auto watching = take_processes(rest, [&](const Holder& h) {
    return std::ranges::any_of(
        s.watchers, [&](const auto& w) { return w.pid == h.pid && w.function == h.node.function; });
  });
  about_sound(s, d, watching, out);
  const auto desktop = take_processes(rest, [&](const Holder& h) { return is_desktop(s, h); });
  if (!desktop.empty()) about_desktop(s, d, desktop, out);

  if (d.conf.allow_in_use) return;
  const auto computing = take_processes(rest, is_for_computing);
  if (!computing.empty())
    refuse(out, "holders", d, "programs compute or draw on it: " + describe(computing),
           how_to_close(s, computing) + (d.conf.reserve == Reserve::all
                                             ? ""
                                             : "; " + call("--setup", s.guest.name, " --reserve=all") +
                                                   " keeps programs off it for good"));
  if (!rest.empty())
    refuse(out, "holders", d, "in use by " + describe(rest),
           how_to_close(s, rest) + "; or, if it lets go by itself when the device goes, " + allow(s));
}

void about_unseen(const Survey& s, Findings& out) {
  if (!s.profile.empty() && !s.holders.hidden.empty())
    // Whoever holds a device keeps its driver from letting go.
    return out.push_back({"holders", Severity::error, "",
                          "the AppArmor profile " + printable(s.profile) + ", which confines " +
                              names::libvirt_hook +
                              ", hides processes that may have a device open: " + join_few(s.holders.hidden),
                          host::link_remedy});
  if (s.holders.unknown.empty()) return;
  std::vector<std::string> pids;
  for (const int pid : s.holders.unknown) pids.push_back(std::to_string(pid));
  out.push_back(
      {"holders", Severity::warning, "",
       "processes that could not be inspected may have a device open: " + join_few(pids),
       s.sees_all ? "`ps -p " + join(pids, ",") + "` shows what they are" : "run this again as root"});
}

}  // namespace

void holders(const Survey& s, Findings& out) {
  for (const auto& d : s.guest.devices) {
    Holders disks, own, behind;
    for (const auto& h : s.holders.holders)
      if (h.node.function == d.address() && h.node.kind != host::NodeKind::vfio &&
          h.node.kind != host::NodeKind::shared)  // for these only the driver's module has to stay
        (h.node.kind == host::NodeKind::hot_plug ? behind : h.node.is_block ? disks : own).push_back(h);
    // As with every disk in use, nothing overrules it: what is written there would be lost.
    if (!disks.empty())
      refuse(out, "holders", d, "one of its disks is in use by " + describe(disks), "end that first");
    if (contains(s.gpu.console_devices, d.address())) continue;
    // It lets go when the persistence mode ends.
    if (contains(s.persistent, d.address())) std::erase_if(own, host::is_persistence_daemon);
    about_device(s, d, std::move(own), out);
    if (!behind.empty() && !d.conf.allow_in_use)
      add(out, "holders", Severity::warning, d.address(),
          "what is plugged into it is in use by " + describe(behind), "");
  }
  about_unseen(s, out);
  // A program on the console's card that stays when the desktop ends is found out while that is still there.
  if (!s.screen || s.screen->remaining_holders.empty()) return;
  const std::string first = printable(s.screen->remaining_holders.front());
  if (!s.screen->can_stop_services)
    add(out, "holders", Severity::error, s.screen->cards.front(),
        first +
            ", and this host's init system is neither systemd nor OpenRC, so qemu-hook cannot stop the "
            "desktop",
        "stop the display manager before you start the guest (with runit: `sv down lightdm`), and start it "
        "again after the guest's end");
  else if (s.screen->has_desktop())
    add(out, "holders", Severity::error, s.screen->cards.front(),
        first + ", and does not end with the desktop", "end it before you start the guest");
}

}  // namespace qh::handover::checks
