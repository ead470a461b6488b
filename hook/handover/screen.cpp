#include "handover/screen.h"

#include <algorithm>

#include "handover/desktop.h"
#include "handover/device.h"
#include "host/graphics/console.h"
#include "host/names.h"
#include "host/pci/pci_device.h"
#include "host/services/modules.h"

namespace qh::handover {
namespace {

Result<void> set_bound(Ports& ports, const std::string& console, bool bound, Milliseconds timeout) {
  return ports.host.sysfs.write(std::string(names::consoles) + "/" + console + "/bind", bound ? "1" : "0",
                                timeout);
}

bool any_bound(const Ports& ports) {
  const auto all = host::framebuffer_consoles(ports.host);
  return all && std::any_of(all->begin(), all->end(), [](const auto& c) { return c.bound; });
}

// The kernel binds a console in place of its own one, and where it has none any more it does nothing and
// reports success (vt_bind in drivers/tty/vt/vt.c): the VGA text console of a BIOS is gone for good with the
// first driver for the card. But a frame buffer that comes anew takes the text over by itself.
Result<void> make_frame_buffer_anew(Ports& ports, const UnbindConsole& step) {
  for (const auto& card : step.cards) {
    const std::string module = host::driver_module(ports.host, card);
    if (module.empty() || host::is_on_vfio(ports.host, card) ||
        !host::modules_above(ports.host, module).empty() || !holders_of(ports, {card}).empty())
      continue;
    ports.log.info(card.text() + ": binding its driver anew, for the text console");
    if (auto done = rebind_host_driver(ports, card); !done) return done;
    if (Deadline(ports.settle).wait_for([&] { return any_bound(ports); })) return {};
  }
  ports.log.warning((step.cards.empty() ? "" : step.cards.front().text() + ": ") + "the text console " +
                    step.console +
                    " stays dark: the kernel does not bind it again, and the card's driver cannot start anew "
                    "now; when that or the host does, it is back; a desktop does not need it");
  return {};
}

}  // namespace

Result<void> execute(Ports& ports, const UnbindConsole& step) {
  const auto consoles = host::framebuffer_consoles(ports.host);
  if (!consoles) return fail(consoles.error());
  const bool bound = std::any_of(consoles->begin(), consoles->end(),
                                 [&](const auto& c) { return c.name == step.console && c.bound; });
  if (!bound) return {};
  auto done = set_bound(ports, step.console, false, ports.limit(ports.conf.deadlines.detach));
  if (!done) return fail_in("the text console " + step.console + " cannot be unbound", done.error());
  return {};
}

Result<void> undo(Ports& ports, const UnbindConsole& step) {
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
    ports.log.warning("there is no frame buffer for the text console " + step.console + " any more");
    return {};
  }
  auto console =
      std::find_if(consoles.begin(), consoles.end(), [&](const auto& c) { return c.name == step.console; });
  if (console == consoles.end()) console = consoles.begin();
  if (console->bound) return {};
  auto done = set_bound(ports, console->name, true, ports.limit(ports.conf.deadlines.reattach));
  if (!done) return fail_in("the text console " + console->name + " cannot be bound", done.error());
  return any_bound(ports) ? Result<void>() : make_frame_buffer_anew(ports, step);
}

Result<void> execute(Ports& ports, const UnbindFramebuffer& step) {
  // A driver for the card that came in the meantime has taken it away.
  const std::string folder = names::platform_driver(step.driver);
  if (!ports.host.sysfs.exists(folder + "/" + step.device)) return {};
  auto done =
      ports.host.sysfs.write(folder + "/unbind", step.device, ports.limit(ports.conf.deadlines.detach));
  if (!done && ports.host.sysfs.exists(folder + "/" + step.device))
    return fail_in(step.card.text() + ": the firmware's frame buffer " + step.device + " cannot be unbound",
                   done.error());
  return {};
}

Result<void> undo(Ports& ports, const UnbindFramebuffer& step) {
  const std::string folder = names::platform_driver(step.driver);
  if (ports.host.sysfs.exists(folder + "/" + step.device)) return {};
  // The firmware sets it up once. Its memory may have been moved, its device be gone: vfio-pci removes it
  // (drivers/vfio/pci/vfio_pci_core.c, aperture_remove_conflicting_pci_devices).
  const bool is_there = ports.host.sysfs.exists(names::platform_device(step.device));
  const bool has_driver = !host::bound_driver(ports.host, step.card).empty();
  if (has_driver) return {};  // that one draws now
  const Result<void> done = is_there ? ports.host.sysfs.write(folder + "/bind", step.device,
                                                              ports.limit(ports.conf.deadlines.reattach))
                                     : Result<void>(fail(ErrorKind::not_found, "the kernel has removed it"));
  if (!done || !ports.host.sysfs.exists(folder + "/" + step.device))
    ports.log.warning(step.card.text() + ": the firmware's frame buffer " + step.device +
                      " does not come back before the next boot" + (done ? "" : ": " + done.error().message));
  return {};
}

Result<void> execute(Ports& ports, const UnloadModule& step) {
  if (!host::is_loaded_module(ports.host, step.module)) return {};
  auto done = ports.modules.unload(step.module, ports.limit(ports.conf.deadlines.detach));
  if (done || step.is_required) return done;
  ports.log.info(done.error().message + "; it stays loaded, which does no harm");
  return {};
}

Result<void> undo(Ports& ports, const UnloadModule& step) {
  if (host::is_loaded_module(ports.host, step.module)) return {};
  return ports.modules.load(step.module, ports.limit(ports.conf.deadlines.reattach));
}

}  // namespace qh::handover
