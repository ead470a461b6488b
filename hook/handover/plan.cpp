#include "handover/plan.h"

#include <algorithm>

#include "host/names.h"

namespace qh::handover {
namespace {

void add(Plan& plan, Step step, std::string reason) {
  plan.push_back({std::move(step), std::move(reason)});
}

void make_way(Plan& plan, const Screen& s) {
  if (!s.awake_unit.empty()) add(plan, InhibitSleep{s.awake_unit}, "the guest then has its screen");
  for (const auto& service : s.companions)
    add(plan, StopService{service}, "it goes down with the display manager");
  if (!s.display_manager.empty())
    add(plan, StopDisplayManager{s.display_manager, s.cards_with_node},
        "it is running, and would start the desktop again");
  if (s.has_desktop()) add(plan, EndSessions{s.devices, s.users}, "their programs keep the card open");
  for (const auto& service : s.services) add(plan, StopService{service}, "it holds the card");
  add(plan, WaitForHolders{s.devices},
      "a driver's unbind waits for them, and cannot be killed while it waits");
  for (const auto& console : s.consoles)
    add(plan, UnbindConsole{console, s.cards}, "the kernel draws its text into the frame buffer");
  for (const auto& f : s.framebuffers) add(plan, f, "the firmware's frame buffer is on " + f.card.text());
  for (const auto& m : s.modules_above) add(plan, UnloadModule{m}, "it uses the card's driver");
}

}  // namespace

Plan make_plan(const Survey& survey) {
  Plan plan;
  std::vector<Device> devices = survey.guest.devices;
  std::erase_if(devices, [](const Device& d) { return !d.use.before; });
  if (devices.empty()) return plan;
  std::ranges::stable_sort(devices, {}, [](const Device& d) {
    return d.present->is_audio() ? 0 : d.is_display() ? 2 : 1;
  });

  if (!survey.vfio_is_loaded)
    add(plan, LoadModule{names::vfio_pci},
        "its driver must be there before the first host driver is unbound");
  // NVIDIA's own daemon does it if it runs: before it is stopped with the desktop.
  for (const auto& card : survey.persistent)
    add(plan, EndPersistence{card}, "its driver would not let go, and could not be stopped any more");
  if (survey.screen) make_way(plan, *survey.screen);
  for (const auto& d : devices)
    if (!d.present->driver.empty())
      add(plan, Unbind{{*d.use.before}}, "the host uses it with " + d.present->driver);
  for (const auto& d : devices)
    add(plan, BindVfio{{*d.use.before}}, "the guest's QEMU opens it through VFIO");
  if (survey.screen)
    for (const auto& m : survey.screen->driver_modules)
      add(plan, UnloadModuleIfFree{{m}}, "no other device needs it");
  return plan;
}

}  // namespace qh::handover
