// Stops the display manager; it starts again when the cards have their DRM nodes.
#include "core/contains.h"
#include "handover/device.h"
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "handover/steps/stop_service.h"
#include "host/graphics/console.h"
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

}  // namespace

std::string StopDisplayManager::describe() const {
  return "stop the display manager " + service;
}

std::string StopDisplayManager::describe_undo() const {
  return "start " + service + (cards.empty() ? "" : ", once the card has its DRM node");
}

Result<void> StopDisplayManager::run(Ports& ports, Journal&) const {
  auto stopped = ports.services.stop(service, ports.limit(ports.conf.deadlines.display_manager));
  if (!stopped) return fail_in("the display manager does not stop", stopped.error());
  return {};
}

Result<void> StopDisplayManager::undo(Ports& ports) const {
  const Deadline deadline(ports.limit(ports.conf.deadlines.display_manager));
  for (const auto& card : cards) {
    // A driver that hangs while it lets go of its card has not taken the node away yet.
    const auto asked = read_driver_override(ports.host, card);
    const bool is_held = !asked && asked.error().is(ErrorKind::timed_out);
    if (!is_held && deadline.wait_for([&] { return has_node(ports.host, card); })) continue;
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

}  // namespace qh::handover
