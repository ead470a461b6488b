#include "handover/primary.h"

#include <algorithm>
#include <set>

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"
#include "handover/gpu.h"
#include "host/graphics/console.h"
#include "host/graphics/display.h"
#include "host/names.h"
#include "host/processes/holders.h"
#include "host/processes/sessions.h"
#include "host/processes/sound_servers.h"

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

constexpr char persistence_daemon[] = "nvidia-persiste";  // "comm" has 15 characters of its name

void measure_holders(const Ports& ports, Screen& s) {
  std::vector<host::DeviceNode> nodes;
  for (const auto& card : s.cards)
    for (auto& node : host::device_nodes(ports.host, card)) nodes.push_back(std::move(node));
  const auto sessions = host::list_sessions(ports.host);
  const bool has_systemd = ports.host.exists(names::systemd_runs);
  std::set<int> seen;
  for (const auto& h : host::without_watchers(ports.host, host::find_holders(ports.host, nodes).holders)) {
    if (!seen.insert(h.pid).second) continue;
    const auto place = host::place_of(ports.host, h.pid);
    if (h.command == persistence_daemon) {
      if (!has_systemd)
        add_once(s.services, "nvidia-persistenced");
      else if (!place.service.empty())
        add_once(s.services, place.service);
      continue;
    }
    // Without systemd nothing tells what ends with the desktop. A hot-plug node can be held.
    if (!has_systemd || host::serves_sessions(h.command) || h.node.kind == host::NodeKind::hot_plug) continue;
    const bool on_seat = std::any_of(sessions.begin(), sessions.end(), [&](const auto& session) {
      return session.id == place.session && !session.seat.empty();
    });
    if (on_seat || (!place.service.empty() && place.service == s.display_manager) ||
        contains(s.companions, place.service) || (!place.user.empty() && contains(s.users, place.user)))
      continue;
    s.stayers.push_back(h.command + " (process " + std::to_string(h.pid) +
                        (place.service.empty() ? "" : ", " + place.service) + ") has " + h.node.path +
                        " open");
  }
}

// Modules of the cards' drivers, if no other device of the host needs these.
void measure_modules(const Ports& ports, const std::vector<ToDetach>& devices, Screen& s) {
  const auto is_to_go = [&](const PciAddress& address) {
    return std::any_of(devices.begin(), devices.end(),
                       [&](const auto& d) { return d.measured.address == address; });
  };
  const auto all = host::list_pci_addresses(ports.host);
  for (const auto& card : s.cards) {
    const std::string module = host::driver_module(ports.host, card);
    if (module.empty() || contains(s.driver_modules, module) || !host::is_loaded_module(ports.host, module))
      continue;
    const bool is_shared = std::any_of(all.begin(), all.end(), [&](const auto& other) {
      return !is_to_go(other) && host::driver_module(ports.host, other) == module;
    });
    const auto above = host::modules_above(ports.host, module);
    const bool has_vfio =
        std::any_of(above.begin(), above.end(), [](const auto& m) { return m.substr(0, 4) == "vfio"; });
    if (is_shared || has_vfio) continue;
    for (const auto& m : above) add_once(s.modules_above, m);
    s.driver_modules.push_back(module);
  }
}

}  // namespace

Result<std::optional<Screen>> measure_screen(const Ports& ports, const Guest& guest,
                                             const std::vector<ToDetach>& devices) {
  Screen s;
  const auto console = console_devices(ports.host, guest);
  for (const auto& d : devices) {
    // A function in the slot that stays with its driver, or that is on VFIO since the boot, needs no way
    // made.
    if (!contains(console, d.measured.address)) continue;
    s.devices.push_back(d.measured.address);
    if (d.is_display) s.cards.push_back(d.measured.address);
  }
  if (s.cards.empty()) return std::optional<Screen>();

  s.display_manager = ports.services.display_manager();
  if (!s.display_manager.empty()) s.companions = ports.services.stopped_with(s.display_manager);
  for (const auto& session : host::list_sessions(ports.host))
    if (!session.seat.empty()) add_once(s.users, session.user);
  for (const auto& card : s.cards) {
    if (!host::drm_cards(ports.host, card).empty()) s.cards_with_node.push_back(card);
    if (host::bound_driver(ports.host, card) == "nvidia" && ports.services.has_persistence(card))
      s.persistent.push_back(card);
    for (const auto& f : host::platform_framebuffers(ports.host, card))
      s.framebuffers.push_back({f.driver, f.device, card});
  }
  const auto consoles = host::framebuffer_consoles(ports.host);
  if (!consoles) return fail(consoles.error());
  for (const auto& c : *consoles)
    if (c.bound) s.consoles.push_back(c.name);
  if (ports.host.exists(names::systemd_runs)) s.awake_unit = awake_unit(guest);
  measure_holders(ports, s);
  measure_modules(ports, devices, s);
  return s;
}

Plan around(const Screen& s, Plan devices) {
  Plan plan;
  const auto add = [&](Step step, std::string reason) {
    plan.push_back({std::move(step), std::move(reason)});
  };
  auto rest = devices.begin();
  if (rest != devices.end() && std::holds_alternative<LoadModule>(rest->step)) plan.push_back(*rest++);

  if (!s.awake_unit.empty()) add(InhibitSleep{s.awake_unit}, "its screen is the guest's then");
  for (const auto& service : s.companions) add(StopService{service}, "it goes down with the display manager");
  if (!s.display_manager.empty())
    add(StopDisplayManager{s.display_manager, s.cards_with_node},
        "it runs, and would start the desktop anew");
  if (s.has_desktop()) add(EndSessions{s.devices, s.users}, "their programs keep the card open");
  for (const auto& service : s.services) add(StopService{service}, "it holds the card");
  for (const auto& card : s.persistent) add(EndPersistence{card}, "the driver would not let go");
  add(WaitForHolders{s.devices}, "a driver's unbind waits for them where nothing can be killed");
  for (const auto& console : s.consoles)
    add(UnbindConsole{console, s.cards}, "the kernel draws its text into the frame buffer");
  for (const auto& f : s.framebuffers) add(f, "the firmware's frame buffer lies in " + f.card.text());
  for (const auto& m : s.modules_above) add(UnloadModule{m, true}, "it uses the card's driver");
  for (; rest != devices.end(); ++rest) plan.push_back(*rest);
  for (const auto& m : s.driver_modules) add(UnloadModule{m, false}, "no other device needs it");
  return plan;
}

namespace {

Result<std::optional<Screen>> measure_screen(const Ports& ports, const Guest& guest) {
  std::vector<ToDetach> devices;
  for (const auto& d : guest.devices)
    if (d.is_ours() && d.present && !d.present->on_vfio)
      devices.push_back(
          {{d.address(), d.present->driver, {}}, d.present->is_audio(), d.present->is_display()});
  return measure_screen(ports, guest, devices);
}

}  // namespace

std::optional<Finding> check_desktop(const Screen& screen) {
  if (!screen.has_desktop() || screen.stayers.empty()) return std::nullopt;
  const std::string card = screen.cards.front().text();
  return Finding{"holders", Severity::error, card,
                 card + ": " + printable(screen.stayers.front()) + ", and does not end with the desktop",
                 "end it before the guest's start"};
}

std::optional<Finding> check_desktop(const Ports& ports, const Guest& guest) {
  const auto screen = measure_screen(ports, guest);
  if (!screen) return Finding{"answers", Severity::error, "", screen.error().message, screen.error().remedy};
  return *screen ? check_desktop(**screen) : std::nullopt;
}

std::vector<std::string> desktop_lines(const Ports& ports, const Guest& guest) {
  const auto measured = measure_screen(ports, guest);
  if (!measured || !*measured) return {};
  const auto& screen = *measured;
  const bool has_manager = !screen->display_manager.empty();
  return {
      "At its start " + (has_manager ? screen->display_manager + " ends, and all" : "all ends") +
          " that is open on the screen, unsaved.",
      std::string("At its end the text consoles come back") +
          (has_manager ? ", and the login screen with them." : "."),
      "Until then: ssh, `virsh shutdown " + printable(guest.name) + "`, `journalctl -t qemu-hook`.",
  };
}

}  // namespace qh::handover
