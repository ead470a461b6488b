#include "handover/screen.h"

#include <algorithm>
#include <set>

#include "core/contains.h"
#include "core/text.h"
#include "handover/survey.h"
#include "host/graphics/console.h"
#include "host/names.h"
#include "host/pci/pci_device.h"
#include "host/processes/sessions.h"
#include "host/processes/sound_servers.h"
#include "host/services/modules.h"

namespace qh::handover {
namespace {

// A unit's name from the guest's: its UUID as a rule.
std::string awake_unit(const Guest& guest) {
  std::string name;
  for (const char c : guest.uuid.empty() ? guest_file_name(guest.name) : guest.uuid) {
    const bool plain = hex_digit(c) >= 0 || (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '-';
    name += plain ? c : '_';
  }
  return "qemu-hook-awake-" + name.substr(0, 200) + ".service";
}

// `holders` are those of the guest's devices.
void measure_holders(const host::Host& host, const std::vector<host::Holder>& holders, Screen& s) {
  const auto sessions = host::list_sessions(host);
  const bool has_systemd = host.exists(names::systemd_runs);
  std::set<int> seen;
  for (const auto& h : host::without_watchers(host, holders)) {
    if (!contains(s.cards, h.node.function) || !seen.insert(h.pid).second) continue;
    const auto place = host::place_of(host, h.pid);
    if (host::is_persistence_daemon(h)) {
      if (!has_systemd)
        add_once(s.services, "nvidia-persistenced");
      else if (!place.service.empty())
        add_once(s.services, place.service);
      continue;
    }
    // With OpenRC nothing tells what ends with the desktop. A hot-plug node can be held.
    if ((!has_systemd && s.can_stop_services) || host::serves_sessions(h.pid, h.command) ||
        h.node.kind == host::NodeKind::hot_plug)
      continue;
    const bool on_seat = std::ranges::any_of(
        sessions, [&](const auto& session) { return session.id == place.session && !session.seat.empty(); });
    const bool ends_with_it = on_seat || (!place.service.empty() && place.service == s.display_manager) ||
                              contains(s.companions, place.service) ||
                              (!place.user.empty() && contains(s.users, place.user));
    if (ends_with_it && s.can_stop_services) continue;
    s.remaining_holders.push_back(h.command + " (process " + std::to_string(h.pid) +
                                  (place.service.empty() ? "" : ", " + place.service) + ") has " +
                                  h.node.path + " open");
  }
}

// Modules of the cards' drivers, if no other device of the host needs these.
void measure_modules(const host::Host& host, const Survey& survey, Screen& s) {
  const auto going = survey.guest.addresses_of([](const Device& d) { return d.use.before.has_value(); });
  const auto all = host::list_pci_addresses(host);
  for (const auto& card : s.cards) {
    const std::string module = host::driver_module(host, card);
    if (module.empty() || contains(s.driver_modules, module) || !host::is_loaded_module(host, module))
      continue;
    const bool is_shared = std::ranges::any_of(all, [&](const auto& other) {
      return !contains(going, other) && host::driver_module(host, other) == module;
    });
    const auto above = host::modules_above(host, module);
    const bool has_vfio = std::ranges::any_of(above, [](const auto& m) { return m.starts_with("vfio"); });
    if (is_shared || has_vfio) continue;
    for (const auto& m : above) add_once(s.modules_above, m);
    s.driver_modules.push_back(module);
  }
}

}  // namespace

Result<std::optional<Screen>> measure_screen(const host::Host& host, const host::Services& services,
                                             const Survey& survey) {
  Screen s;
  for (const auto& d : survey.guest.devices) {
    // A function in the slot that stays with its driver, or that is on VFIO since the boot, needs no way
    // made.
    if (!d.use.before || !contains(survey.gpu.console_devices, d.address())) continue;
    s.devices.push_back(d.address());
    if (d.is_display()) s.cards.push_back(d.address());
  }
  if (s.cards.empty()) return std::optional<Screen>();

  auto manager = services.display_manager();
  if (!manager) return fail(manager.error());
  s.display_manager = std::move(*manager);
  if (!s.display_manager.empty()) s.companions = services.stopped_with(s.display_manager);
  for (const auto& session : host::list_sessions(host))
    if (!session.seat.empty()) add_once(s.users, session.user);
  for (const auto& card : s.cards) {
    if (!host::drm_cards(host, card).empty()) s.cards_with_node.push_back(card);
    for (const auto& f : host::platform_framebuffers(host, card))
      s.framebuffers.push_back({f.driver, f.device, card});
  }
  const auto consoles = host::framebuffer_consoles(host);
  if (!consoles) return fail(consoles.error());
  for (const auto& c : *consoles)
    if (c.bound) s.consoles.push_back(c.name);
  const bool has_systemd = host.exists(names::systemd_runs);
  if (has_systemd) s.awake_unit = awake_unit(survey.guest);
  s.can_stop_services = has_systemd || host.exists(names::openrc_started);
  measure_holders(host, survey.holders.holders, s);
  measure_modules(host, survey, s);
  return s;
}

std::vector<std::string> Screen::sentences(const std::string& guest) const {
  const bool has_manager = !display_manager.empty();
  return {
      "When it starts, " + (has_manager
                                ? display_manager + " ends, and everything open on the screen, unsaved."
                                : "everything open on the screen ends, unsaved."),
      std::string("When it ends, the text consoles come back") +
          (has_manager ? ", and the login screen with them." : "."),
      "Until then, use ssh: `virsh shutdown " + printable(guest) + "`, `journalctl -t qemu-hook`.",
  };
}

}  // namespace qh::handover
