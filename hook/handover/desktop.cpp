#include "handover/desktop.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/contains.h"
#include "core/file.h"
#include "core/text.h"
#include "host/graphics/console.h"
#include "host/names.h"
#include "host/pci/pci_device.h"
#include "host/processes/sessions.h"
#include "host/processes/sound_servers.h"

namespace qh::handover {
namespace {

// A look at all processes costs some milliseconds, on a big host more.
void pause(const Deadline& deadline) {
  std::this_thread::sleep_for(std::min(Milliseconds{100}, deadline.left()));
}

bool has_node(const Ports& ports, const PciAddress& card) {
  for (const auto& name : host::drm_cards(ports.host, card))
    if (ports.host.exists("/dev/dri/" + name)) return true;
  return false;
}

bool any_other_node(const Ports& ports, const std::vector<PciAddress>& cards) {
  for (const auto& address : host::list_pci_addresses(ports.host))
    if (!contains(cards, address) && has_node(ports, address)) return true;
  return false;
}

}  // namespace

std::vector<host::Holder> holders_of(const Ports& ports, const std::vector<PciAddress>& devices) {
  std::vector<host::DeviceNode> nodes;
  for (const auto& device : devices)
    for (auto& node : host::device_nodes(ports.host, device))
      if (node.kind != host::NodeKind::hot_plug) nodes.push_back(std::move(node));
  return host::find_holders(ports.host, nodes).holders;
}

Result<void> execute(Ports& ports, const Record& record, const InhibitSleep& step) {
  const auto done = ports.services.hold_awake(
      {step.unit, "the guest " + printable(record.guest) + " has this host's screen",
       ports.host.path(names::journal(record.guest)), ports.host.path(names::pid_file(record.guest))},
      ports.limit(ports.conf.deadlines.detach));
  if (!done) ports.log.warning("the host may fall asleep while the guest runs: " + done.error().message);
  return {};
}

Result<void> undo(Ports& ports, const InhibitSleep& step) {
  // It ends by itself, if late: no reason to keep the guest's devices claimed.
  if (const auto done = ports.services.let_sleep(step.unit, ports.limit(ports.conf.deadlines.reattach));
      !done)
    ports.log.warning("the host cannot sleep for the moment: " + done.error().message);
  return {};
}

Result<void> execute(Ports& ports, const Record&, const StopDisplayManager& step) {
  auto stopped = ports.services.stop(step.service, ports.limit(ports.conf.deadlines.display_manager));
  if (!stopped) return fail_in("the display manager does not stop", stopped.error());
  return {};
}

Result<void> undo(Ports& ports, const StopDisplayManager& step) {
  const Deadline deadline(ports.limit(ports.conf.deadlines.display_manager));
  for (const auto& card : step.cards) {
    if (deadline.wait_for([&] { return has_node(ports, card); })) continue;
    const std::string reason = card.text() + " has no DRM node again";
    if (!any_other_node(ports, step.cards))
      return fail(ErrorKind::failed, step.service + " is not started: " + reason,
                  "see `journalctl -t qemu-hook`; then `qemu-hook --reattach`, or reboot");
    ports.log.warning(reason + "; " + step.service + " is started for the other card");
  }
  auto started = ports.services.start(step.service, ports.limit(ports.conf.deadlines.display_manager));
  if (!started) return fail_in("the display manager does not start", started.error());
  return {};
}

Result<void> execute(Ports& ports, const Record&, const EndSessions& step) {
  const Milliseconds limit = ports.limit(ports.conf.deadlines.holders);
  const Deadline deadline(limit), patience(limit / 2);
  std::set<std::string> users(step.users.begin(), step.users.end());
  std::set<std::string> ended;  // sessions
  std::map<int, bool> asked;    // processes; true: by force
  for (;;) {
    // On a host that is busy with other things the time can pass within one round: there is always one more.
    const bool is_last = deadline.passed();
    bool any = false;
    const auto sessions = host::list_sessions(ports.host);
    for (const auto& h : holders_of(ports, step.devices)) {
      const auto place = host::place_of(ports.host, h.pid);
      const auto session = std::find_if(sessions.begin(), sessions.end(), [&](const auto& s) {
        return !s.seat.empty() && s.id == place.session;
      });
      const bool in_session = session != sessions.end();
      // A desktop that runs below the user's own service manager outlives the session that started it. The
      // user's other programs, and who is logged in from elsewhere, stay.
      if (!in_session && (place.user.empty() || !users.contains(place.user))) continue;
      any = true;
      if (in_session && ended.insert(session->id).second) {
        users.insert(session->user);
        ports.log.info("ending the session " + session->id + ", in which " + printable(h.command) +
                       " holds the card");
        if (const auto done =
                ports.services.end_session(session->id, ports.limit(ports.conf.deadlines.holders));
            !done)
          ports.log.warning(done.error().message);
        continue;
      }
      // Its session's end reaches it in a moment; a program without one is asked to go, and whatever is still
      // there then is ended.
      const bool by_force = patience.passed();
      if (in_session && !by_force) continue;
      const auto before = asked.find(h.pid);
      if (before != asked.end() && before->second >= by_force) continue;
      asked[h.pid] = by_force;
      if (const auto process = host::find_process(ports.host, h.pid)) {
        ports.log.info(std::string(by_force ? "killing " : "ending ") + printable(h.command) + " (process " +
                       std::to_string(h.pid) + "), which holds the card");
        ports.services.end_process(*process, by_force);
      }
    }
    if (!any || is_last) return {};  // whoever is left, WaitForHolders names
    pause(deadline);
  }
}

Result<void> execute(Ports& ports, const Record&, const StopService& step) {
  return ports.services.stop(step.service, ports.limit(ports.conf.deadlines.holders));
}

Result<void> undo(Ports& ports, const StopService& step) {
  return ports.services.start(step.service, ports.limit(ports.conf.deadlines.holders));
}

Result<void> execute(Ports& ports, const Record&, const EndPersistence& step) {
  return ports.services.set_persistence(step.card, false, ports.limit(ports.conf.deadlines.holders));
}

Result<void> undo(Ports& ports, const EndPersistence& step) {
  return ports.services.set_persistence(step.card, true, ports.limit(ports.conf.deadlines.holders));
}

Result<void> execute(Ports& ports, const Record&, const WaitForHolders& step) {
  const Deadline deadline(ports.limit(ports.conf.deadlines.holders));
  for (;;) {
    const auto holders = host::without_watchers(ports.host, holders_of(ports, step.devices));
    if (holders.empty()) return {};
    if (deadline.passed()) {
      const auto& first = holders.front();
      std::string who = printable(first.command) + " (process " + std::to_string(first.pid) + ") has " +
                        first.node.path + (first.mapped ? " mapped" : " open");
      if (holders.size() > 1) who += ", and so " + std::to_string(holders.size() - 1) + " more";
      return fail(ErrorKind::timed_out, first.node.function.text() + ": is still held: " + who,
                  "end it before the guest's start; see `ps " + std::to_string(first.pid) + "`");
    }
    pause(deadline);
  }
}

}  // namespace qh::handover
