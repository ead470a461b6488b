#include "handover/desktop_holders.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/contains.h"
#include "core/text.h"
#include "handover/claims.h"
#include "host/graphics/console.h"
#include "host/graphics/reservation.h"
#include "host/names.h"
#include "host/processes/child.h"

namespace qh::handover {
namespace {

using host::Holder;
using Holders = std::vector<Holder>;

// By these a compositor takes the cards that are named, whatever their seat (KWin's drm_backend.cpp, wlroots'
// backend/session, aquamarine's DRM.cpp).
constexpr std::array card_variables{"KWIN_DRM_DEVICES", "WLR_DRM_DEVICES", "AQ_DRM_DEVICES"};

bool is_card(const host::DeviceNode& node) {
  return node.subsystem == "drm" && node.path.starts_with("/dev/dri/card");
}
bool is_for_computing(const host::DeviceNode& node) {
  return node.path.starts_with("/dev/dri/renderD") || node.subsystem == "accel";
}

bool keeps_copies(const Holder& h) {
  return host::serves_sessions(h.pid, h.command);
}

// The environment is read as a debugger would, under a lock of the process (environ_read in fs/proc/base.c).
std::vector<std::string> variables_of(const host::Host& host, int pid) {
  const std::string file = host.path("/proc/" + std::to_string(pid) + "/environ");
  const auto text =
      host::run_in_child("reading " + file, Milliseconds{1000}, [&] { return read_file(file, 4U << 20U); });
  std::vector<std::string> found;
  if (!text) return found;
  for (const auto entry : split(*text, '\0'))
    for (const char* name : card_variables)
      if (entry.starts_with(std::string(name) + "=")) found.emplace_back(entry);
  return found;
}

std::string call(const std::string& option, const Guest& guest) {
  return "`qemu-hook --setup " + printable(guest.name) + option + "`";
}

// All holdings of the processes that have one for which `is_it` holds; they are taken out of `from`.
template <class Is>
Holders take_processes(Holders& from, Is is_it) {
  std::set<int> pids;
  for (const auto& h : from)
    if (is_it(h)) pids.insert(h.pid);
  Holders taken;
  std::copy_if(from.begin(), from.end(), std::back_inserter(taken),
               [&](const Holder& h) { return pids.contains(h.pid); });
  std::erase_if(from, [&](const Holder& h) { return pids.contains(h.pid); });
  return taken;
}

// The session of the desktop that the process belongs to; nullptr: none is known.
const host::LoginSession* session_of(const Holder& h, const DesktopFacts& facts) {
  const auto found = facts.places.find(h.pid);
  const host::Place place = found == facts.places.end() ? host::Place{} : found->second;
  const host::LoginSession* best = nullptr;
  for (const auto& s : facts.sessions) {
    if (s.seat.empty() || (!place.session.empty() && s.id != place.session) ||
        (!place.user.empty() && s.user != place.user))
      continue;
    if (best == nullptr || (s.active && !best->active)) best = &s;
  }
  return best;
}

// A program in a session without a seat (over ssh), or of a user who has only such ones, is no desktop.
// What no session is known of counts as one: not every host has logind.
bool is_desktop(const Holder& h, const DesktopFacts& facts) {
  const auto place = facts.places.find(h.pid);
  const bool is_a_users =
      place != facts.places.end() && (!place->second.session.empty() || !place->second.user.empty());
  return is_card(h.node) && (!is_a_users || facts.sessions.empty() || session_of(h, facts) != nullptr);
}

// "session 2 (ann on seat0, since 10:12)", of each session once.
std::string sessions_of(const Holders& desktop, const DesktopFacts& facts) {
  std::vector<std::string> all;
  for (const auto& h : desktop) {
    const auto* s = session_of(h, facts);
    if (s == nullptr) continue;
    const std::string user = s->user_name.empty() ? "user " + s->user : s->user_name;
    add_once(all, "session " + printable(s->id) + " (" + printable(user) + " on " + printable(s->seat) +
                      (s->since != 0 ? ", " + since(s->since) : "") + ")");
  }
  return join(all, " and ");
}

// "Xorg (304: /dev/dri/card1), session 2 (ann on seat0, since 10:12)". Not those who only keep copies, unless
// nobody else is there.
std::string describe_desktop(Holders desktop, const DesktopFacts& facts) {
  if (!std::all_of(desktop.begin(), desktop.end(), keeps_copies)) std::erase_if(desktop, keeps_copies);
  const std::string sessions = sessions_of(desktop, facts);
  return describe(desktop) + (sessions.empty() ? "" : ", " + sessions);
}

// "WLR_DRM_DEVICES=/dev/dri/card0 (of sway, process 900)", those of all the desktop's processes.
std::vector<std::string> variables_of(const Holders& desktop, const DesktopFacts& facts) {
  std::vector<std::string> all;
  for (const auto& h : desktop) {
    const auto found = facts.variables.find(h.pid);
    if (found == facts.variables.end()) continue;
    for (const auto& variable : found->second)
      add_once(all, printable(variable) + " (of " + printable(h.command) + ", process " +
                        std::to_string(h.pid) + ")");
  }
  return all;
}

constexpr char take_out[] =
    "take the variable out of where the desktop gets it (/etc/environment, ~/.config/environment.d, "
    "~/.profile, "
    "the compositor's own settings)";

Finding about_desktop(const Guest& guest, const Device& d, const Holders& desktop, const DesktopFacts& facts,
                      Reservation reservation) {
  const auto variables = variables_of(desktop, facts);
  const std::string who = describe_desktop(desktop, facts);
  Finding f{"holders", d.conf.allow_in_use ? Severity::warning : Severity::error, d.address().text(), "", ""};
  switch (reservation) {
    case Reservation::none:
    case Reservation::missing:
      f.message = "the desktop has it open: " + who;
      f.remedy = call(reservation == Reservation::missing ? "" : " --reserve", guest) +
                 " makes the host's desktops leave it alone" +
                 (variables.empty() ? "" : "; and " + std::string(take_out) + ": " + join(variables));
      f.reserving_helps = reservation == Reservation::none;
      break;
    case Reservation::impossible:
      f.message = "the desktop has it open, and the host's own screen is on it: " + who;
      f.remedy = "set `gpu = \"primary\"` in " + names::guest_conf(guest.name) +
                 ": the desktop then ends when the guest starts";
      break;
    case Reservation::no_database:
      f.message = "the desktop has it open, and without udev's database a reservation does nothing: " + who;
      f.remedy = "let the desktop's own settings keep it off the card";
      break;
    case Reservation::pending:
      f.message = "is reserved from the next boot on; until then the desktop has it open: " + who;
      f.remedy =
          "reboot; or log out, from a text console or over ssh stop the display manager (`systemctl stop "
          "display-manager`), " +
          call("", guest) + ", and start it again";
      break;
    case Reservation::in_force:
      if (variables.empty()) {
        f.message = "is reserved, but the desktop has had it open since before: " + who;
        f.remedy = "log out and in again";
      } else {
        f.message = "is reserved, but " + join(variables) + " makes the desktop open it all the same: " + who;
        f.remedy = std::string(take_out) + ", then log out and in again";
      }
      break;
  }
  f.message = f.device + ": " + f.message;
  return f;
}

// "close firefox, `systemctl stop ollama.service`"
std::string how_to_close(const Holders& holders, const DesktopFacts& facts) {
  std::vector<std::string> all;
  for (const auto& h : holders) {
    const auto place = facts.places.find(h.pid);
    const bool is_service = place != facts.places.end() && !place->second.service.empty();
    add_once(all, is_service ? "`systemctl stop " + printable(place->second.service) + "`"
                             : "close " + printable(h.command));
  }
  return join_few(all);
}

std::vector<Finding> about_sound(const Device& d, const Holders& watching, const DesktopFacts& facts) {
  std::vector<Finding> findings;
  for (const auto& w : facts.watchers) {
    if (w.function != d.address() || w.lets_go()) continue;
    Holders its;
    std::copy_if(watching.begin(), watching.end(), std::back_inserter(its),
                 [&](const Holder& h) { return h.pid == w.pid; });
    const std::string pid = std::to_string(w.pid), device = d.address().text();
    // Nothing overrules it: the kernel would wait for ever.
    if (w.stopped)
      findings.push_back(
          {"holders", Severity::error, device,
           device + ": the kernel would wait for ever for " + describe(its) + ", which is stopped",
           "`kill -CONT " + pid + "` lets it go on; if its control group is frozen, thaw that"});
    else
      findings.push_back({"holders", Severity::error, device,
                          device + ": the kernel would wait for ever for " + describe(its) + ", which " +
                              w.told_to_ignore + " in udev's database keeps from closing the card",
                          "`kill " + pid + "`: when it starts again it leaves the card alone"});
  }
  return findings;
}

}  // namespace

bool is_reservable(const std::string& identity, Reserve level) {
  // It is written into a rule: nothing else may stand there.
  constexpr std::string_view form = "xxxx:xxxx xxxx:xxxx xxxxxx";
  const bool is_formed = std::equal(identity.begin(), identity.end(), form.begin(), form.end(),
                                    [](char c, char f) { return f == 'x' ? hex_digit(c) >= 0 : c == f; });
  if (!is_formed) return false;
  const std::string code = identity.substr(identity.rfind(' ') + 1);
  const bool is_audio = code == "040300" || code == "040100";
  return level != Reserve::no && (code.starts_with("03") || (is_audio && level == Reserve::all));
}

Reservation reservation(const host::Host& host, const Device& d) {
  const std::string identity = d.present ? d.present->identity : d.conf.identity;
  if (!d.present || !is_reservable(identity, d.conf.reserve)) return Reservation::none;
  if (d.present->is_display() && !host::console_reasons(host, d.address()).empty())
    return Reservation::impossible;
  if (!host::has_udev_database(host)) return Reservation::no_database;
  const auto text = host.read(names::udev_rules).value_or("");
  // Another guest's conf may ask for more.
  for (const auto level : {Reserve::all, d.conf.reserve})
    if (text.find(host::udev_rule({d.address(), identity, level, {}})) != std::string::npos)
      return host::is_in_force(host, host::reservable_devices(host, d.address()), level)
                 ? Reservation::in_force
                 : Reservation::pending;
  return Reservation::missing;
}

DesktopFacts desktop_facts(const host::Host& host, const Guest& guest, const Holders& holders) {
  DesktopFacts facts;
  for (const auto& d : guest.devices) facts.reservations[d.address()] = reservation(host, d);
  facts.has_seatd = host.exists(names::seatd_socket);
  facts.watchers = host::sound_watchers(host, holders);
  for (const auto& h : holders) {
    if (!facts.places.contains(h.pid)) facts.places[h.pid] = host::place_of(host, h.pid);
    if (is_card(h.node) && !keeps_copies(h) && !facts.variables.contains(h.pid))
      facts.variables[h.pid] = variables_of(host, h.pid);
  }
  if (!holders.empty()) facts.sessions = host::list_sessions(host);
  return facts;
}

std::vector<Finding> check_desktop_holders(const Guest& guest, const Device& d, const Holders& own,
                                           const DesktopFacts& facts) {
  Holders rest = own;
  const auto watching = take_processes(rest, [&](const Holder& h) {
    return std::any_of(facts.watchers.begin(), facts.watchers.end(),
                       [&](const auto& w) { return w.pid == h.pid && w.function == h.node.function; });
  });
  auto findings = about_sound(d, watching, facts);

  auto desktop = take_processes(rest, [&](const Holder& h) { return is_desktop(h, facts); });
  const auto at = facts.reservations.find(d.address());
  const auto reservation = at == facts.reservations.end() ? Reservation::none : at->second;
  if (!desktop.empty()) findings.push_back(about_desktop(guest, d, desktop, facts, reservation));

  if (d.conf.allow_in_use) return findings;
  const auto computing = take_processes(rest, [](const Holder& h) { return is_for_computing(h.node); });
  const std::string device = d.address().text();
  if (!computing.empty())
    findings.push_back({"holders", Severity::error, device,
                        device + ": programs compute or draw on it: " + describe(computing),
                        how_to_close(computing, facts) + (d.conf.reserve == Reserve::all
                                                              ? ""
                                                              : "; " + call(" --reserve=all", guest) +
                                                                    " keeps programs off it for good")});
  if (!rest.empty())
    findings.push_back(
        {"holders", Severity::error, device, device + ": in use by " + describe(rest),
         how_to_close(rest, facts) +
             "; or, if it lets go by itself when the device goes, set `allow_in_use = true` for it "
             "in " +
             names::guest_conf(guest.name)});
  return findings;
}

std::vector<Finding> check_reservation(const Guest& guest, const Device& d, const DesktopFacts& facts) {
  const auto at = facts.reservations.find(d.address());
  if (at == facts.reservations.end()) return {};
  const std::string device = d.address().text();
  const auto warning = [&](const std::string& message, const std::string& remedy) {
    return std::vector<Finding>{{"reserve", Severity::warning, device, device + ": " + message, remedy}};
  };
  switch (at->second) {
    case Reservation::none:
      return {};
    case Reservation::impossible:
      return warning(
          "is not reserved: it carries the host's console, and the desktop ends when the guest starts",
          "set `reserve = \"no\"` for it in " + names::guest_conf(guest.name));
    case Reservation::no_database:
      return warning("is not reserved: this host has no udev database, so no desktop asks for a card's seat",
                     "let the desktop's own settings keep it off the card");
    case Reservation::missing:
      return warning("is to be reserved, but " + std::string(names::udev_rules) + " does not say so",
                     call("", guest) + " writes it");
    case Reservation::pending:
      return warning("is reserved from the next boot on",
                     call("", guest) + " puts that in force now, if nobody has the card open");
    case Reservation::in_force:
      if (!facts.has_seatd || !d.present->is_display()) return {};
      return warning(
          "is reserved, but seatd opens a card for a desktop whatever its seat: Hyprland, niri and "
          "cosmic-comp take it anew when the guest gives it back",
          "run such a desktop with logind or elogind");
  }
  return {};
}

}  // namespace qh::handover
