// StopService, StopDisplayManager, EndPersistence and InhibitSleep: what services and their tools do.
#include "core/contains.h"
#include "core/text.h"
#include "handover/journal.h"
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/graphics/console.h"
#include "host/names.h"
#include "host/pci/pci_device.h"

namespace qh::handover {
namespace {

bool has_node(const host::Host& host, const PciAddress& card) {
  for (const auto& name : host::drm_cards(host, card))
    if (host.exists("/dev/dri/" + name)) return true;
  return false;
}

bool any_other_node(const host::Host& host, const std::vector<PciAddress>& cards) {
  for (const auto& address : host::list_pci_addresses(host))
    if (!contains(cards, address) && has_node(host, address)) return true;
  return false;
}

// Not while the kernel holds the text consoles: before systemd starts what may have a terminal it asks which
// one the console is (/sys/class/tty/console/active; show_cons_active in drivers/tty/tty_io.c). Process 1
// would wait for the driver that hangs, and the whole host with it.
Result<void> start_service(Ports& ports, const std::string& service, Milliseconds timeout) {
  const auto consoles = host::framebuffer_consoles(ports.host);
  if (!consoles) return fail_in(service + " was not started", consoles.error());
  return ports.services.start(service, timeout);
}

}  // namespace

Result<void> StopService::run(Ports& ports, const Record&) const {
  return ports.services.stop(service, ports.limit(ports.conf.deadlines.holders));
}
Result<void> StopService::undo(Ports& ports) const {
  return start_service(ports, service, ports.limit(ports.conf.deadlines.holders));
}

Result<void> StopDisplayManager::run(Ports& ports, const Record&) const {
  auto stopped = ports.services.stop(service, ports.limit(ports.conf.deadlines.display_manager));
  if (!stopped) return fail_in("the display manager does not stop", stopped.error());
  return {};
}

Result<void> StopDisplayManager::undo(Ports& ports) const {
  const Deadline deadline(ports.limit(ports.conf.deadlines.display_manager));
  for (const auto& card : cards) {
    if (deadline.wait_for([&] { return has_node(ports.host, card); })) continue;
    const std::string reason = card.text() + " did not get its DRM node back";
    if (!any_other_node(ports.host, cards))
      return fail(ErrorKind::failed, service + " was not started: " + reason,
                  "see `journalctl -t qemu-hook`; then run `qemu-hook --reattach`, or reboot");
    ports.log.warning(reason + "; starting " + service + " for the other card");
  }
  auto started = start_service(ports, service, ports.limit(ports.conf.deadlines.display_manager));
  if (!started) return fail_in("the display manager does not start", started.error());
  return {};
}

Result<void> EndPersistence::run(Ports& ports, const Record&) const {
  return ports.services.set_persistence(card, false, ports.limit(ports.conf.deadlines.holders));
}
Result<void> EndPersistence::undo(Ports& ports) const {
  return ports.services.set_persistence(card, true, ports.limit(ports.conf.deadlines.holders));
}

Result<void> InhibitSleep::run(Ports& ports, const Record& record) const {
  const auto done = ports.services.hold_awake(
      {unit, "the guest " + printable(record.guest) + " has this host's screen",
       ports.host.path(names::journal(record.guest)), ports.host.path(names::pid_file(record.guest))},
      ports.limit(ports.conf.deadlines.detach));
  if (!done) ports.log.warning("the host may go to sleep while the guest runs: " + done.error().message);
  return {};
}

Result<void> InhibitSleep::undo(Ports& ports) const {
  // It ends by itself, if late: no reason to keep the guest's devices claimed.
  if (const auto done = ports.services.let_sleep(unit, ports.limit(ports.conf.deadlines.reattach)); !done)
    ports.log.warning("the host cannot sleep for now: " + done.error().message);
  return {};
}

}  // namespace qh::handover
