// Unbinds a text console from its frame buffer.
#include <algorithm>

#include "handover/device.h"
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/graphics/console.h"
#include "host/names.h"
#include "host/pci/pci_device.h"
#include "host/processes/holders.h"
#include "host/services/modules.h"

namespace qh::handover {
namespace {

Result<void> set_bound(Ports& ports, const std::string& console, bool bound, Milliseconds timeout) {
  auto done = ports.host.sysfs.write(std::string(names::consoles) + "/" + console + "/bind",
                                     bound ? "1" : "0", timeout);
  if (done) return done;
  return fail_in("the text console " + console + " cannot be " + (bound ? "bound" : "unbound"), done.error());
}

bool any_bound(const Ports& ports) {
  const auto all = host::framebuffer_consoles(ports.host);
  return all && std::ranges::any_of(*all, &host::Console::bound);
}

// The kernel binds a console in place of its own one, and where it has none any more it does nothing and
// reports success (vt_bind in drivers/tty/vt/vt.c): the VGA text console of a BIOS is gone for good with the
// first driver for the card. But a frame buffer that comes anew takes the text over by itself.
Result<void> make_frame_buffer_anew(Ports& ports, const UnbindConsole& step) {
  for (const auto& card : step.cards) {
    const std::string module = host::driver_module(ports.host, card);
    if (module.empty() || host::is_on_vfio(ports.host, card) ||
        !host::modules_above(ports.host, module).empty() || !host::holders_of(ports.host, {card}).empty())
      continue;
    ports.log.info(card.text() + ": rebinding its driver, for the text console");
    if (auto done = rebind_host_driver(ports, card); !done) return done;
    if (Deadline(ports.settle).wait_for([&] { return any_bound(ports); })) return {};
  }
  ports.log.warning(
      (step.cards.empty() ? "" : step.cards.front().text() + ": ") + "the text console " + step.console +
      " stays dark: the kernel does not bind it again, and the card's driver cannot be restarted "
      "now. It comes back when the driver or the host restarts. A desktop does not need it");
  return {};
}

}  // namespace

std::string UnbindConsole::describe() const {
  return "unbind the text console " + console;
}

std::string UnbindConsole::describe_undo() const {
  return "bind the text console " + console;
}

Result<void> UnbindConsole::run(Ports& ports, Journal&) const {
  const auto consoles = host::framebuffer_consoles(ports.host);
  if (!consoles) return fail(consoles.error());
  const auto found = std::ranges::find(*consoles, console, &host::Console::name);
  if (found == consoles->end() || !found->bound) return {};
  return set_bound(ports, console, false, ports.limit(ports.conf.deadlines.detach));
}

Result<void> UnbindConsole::undo(Ports& ports) const {
  // The kernel makes the console anew with the first frame buffer, perhaps under another number, and may bind
  // it by itself.
  auto found = host::framebuffer_consoles(ports.host);
  Deadline(ports.limit(ports.settle)).wait_for([&] {
    if (found && found->empty()) found = host::framebuffer_consoles(ports.host);
    return !found || !found->empty();
  });
  if (!found) return fail(found.error());
  const auto& consoles = *found;
  if (consoles.empty()) {
    ports.log.warning("the text console " + console + " no longer has a frame buffer");
    return {};
  }
  auto bound = std::ranges::find(consoles, console, &host::Console::name);
  if (bound == consoles.end()) bound = consoles.begin();
  if (bound->bound) return {};
  auto done = set_bound(ports, bound->name, true, ports.limit(ports.conf.deadlines.reattach));
  if (!done) return done;
  return any_bound(ports) ? Result<void>() : make_frame_buffer_anew(ports, *this);
}

}  // namespace qh::handover
