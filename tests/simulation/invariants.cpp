#include "simulation/invariants.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"
#include "handover/journal.h"
#include "host/names.h"
#include "simulation/run.h"

namespace qh::simulation {
namespace {

// The whole of a `prepare` or a `release` may take as long as this (host.toml's `whole`), and a little to
// give up children.
constexpr Time longest_call = 120 * second + 20 * second;

bool has(const Guest& guest, const std::string& address) {
  return contains(guest.devices, address);
}

// It is the guest's now: the hook has let it start, and its end has not begun.
bool owns(const Run& run, const Guest& guest, const std::string& address) {
  if (!has(guest, address)) return false;
  if (guest.qemu != 0 && guest.state == GuestState::running) return true;
  return run.libvirtd.is_alive() && guest.state == GuestState::launching;
}

std::vector<handover::Record> records(const Run& run) {
  const InWorld in_world(run.scheduler.current());
  return handover::list_records(host::RealHost(run.host.root.path()));
}

// libvirt tells no hook what it plugs in. A hand-over may have looked just before, and by then it is as good
// as done; and it clears the driver_override of a device in use, which does nothing, if it began before.
bool could_not_know(const Run& run, const Task& process, const std::string& address, bool takes) {
  constexpr long acts_of_a_look = 12;
  return std::ranges::any_of(run.guests, [&](const Guest& guest) {
    const auto plugged = guest.plugged.find(address);
    if (plugged == guest.plugged.end()) return false;
    return takes ? process.acts - process.acts_at_plug < acts_of_a_look : plugged->second >= process.began;
  });
}

bool is_claimed(const std::vector<handover::Record>& all, const std::string& address) {
  return std::ranges::any_of(all, [&](const auto& r) { return r.claims(*parse_pci_address(address)); });
}

}  // namespace

void check_write(Run& run, const std::string& path, const std::string& value) {
  const std::string address = HostModel::device_of(path, value);
  if (!parse_pci_address(address) || !run.host.is_there(address)) return;
  const Task* task = run.scheduler.current();
  if (task == nullptr) return;
  const bool by_program = task->kind != Task::Kind::world || task->asked_by != nullptr;
  const std::string driver = run.host.kernel.driver(address);
  // A driver is not unbound from a device that it does not have.
  const bool unbinds = path == "bus/pci/drivers/" + driver + "/unbind", removes = path.ends_with("/remove"),
             resets = path.ends_with("/reset");
  const bool leaves =
      unbinds || removes || resets || (path.ends_with("/driver_override") && trimmed(value) != "vfio-pci");
  const std::string what =
      std::string(trimmed(value).empty() ? "nothing" : trimmed(value)) + " written to " + path;
  if (!by_program) return;
  if ((unbinds || removes) && address == disk && driver == "nvme" && run.host.mounted)
    run.find("a disk in use is unbound", what + ", while it is mounted");
  const Task& process = task->asked_by != nullptr ? *task->asked_by : task->process();
  if (!leaves || could_not_know(run, process, address, unbinds || removes || resets)) return;
  if (const auto user = run.host.opened.find(address);
      user != run.host.opened.end() && driver == "vfio-pci" && (unbinds || removes || resets))
    run.find("a device in use is taken",
             what + ", while the QEMU " + std::to_string(user->second) + " has it open");
  // A detach that libvirt does late binds it to vfio-pci again (virPCIDeviceBindToStub).
  const bool binds_again =
      task->asked_by != nullptr && unbinds && run.host.kernel.driver_override(address) == "vfio-pci";
  for (const auto& guest : run.guests) {
    const bool is_its_own = guest.plan.name == process.guest;
    if (owns(run, guest, address) && run.host.is_on_vfio(address) && !(is_its_own && binds_again))
      run.find(is_its_own ? "a guest's device is taken" : "another guest's device is taken",
               what + " for " + process.guest + ", while it is the guest " + guest.plan.name + "'s");
  }
}

void check_undoing(Run& run, const std::string& journal) {
  const Task& process = run.scheduler.current()->process();
  const auto guest =
      std::ranges::find(run.guests, journal, [](const Guest& g) { return names::journal(g.plan.name); });
  if (guest == run.guests.end() || guest->plan.name == process.guest) return;
  // A daemon that has come up since the process looked takes what it finds.
  if (!run.libvirtd.ends_itself(*guest, process.began)) return;
  // A `--reattach` that waited in vain has begun with it; libvirt refuses what it still uses.
  const auto all = records(run);
  const auto record = std::ranges::find(all, guest->plan.name, &handover::Record::guest);
  if (record != all.end() && record->undoing) return;
  run.find("an ending guest is undone",
           "the guest " + guest->plan.name + " for " + process.guest + ", while libvirt is ending it");
}

void check_prepared(Run& run, const Guest& guest) {
  for (const auto& other : run.guests) {
    if (other.plan.name == guest.plan.name) continue;
    for (const auto& its : other.devices) {
      // libvirt plugs in without a hook what a guest is just starting with, or whose QEMU its start could not
      // look at. It refuses the start itself.
      const auto plugged = other.plugged.find(its);
      if (plugged != other.plugged.end() &&
          (plugged->second >= guest.started || run.saw_not_all.contains(guest.plan.name)))
        continue;
      const auto user = run.host.opened.find(its);
      const bool has_open = user != run.host.opened.end() && user->second == other.qemu;
      for (const auto& address : guest.devices)
        if (run.host.group(its) == run.host.group(address) && (owns(run, other, its) || has_open))
          run.find("a device has two owners", address + " of " + guest.plan.name +
                                                  ", which may start, is in a group of " + other.plan.name +
                                                  "'s");
    }
  }
}

void check_end(Run& run, const Task& process) {
  const Time took = run.scheduler.now() - process.began - process.stalled;
  if (took > longest_call && !process.detached)
    run.find("a call takes too long", process.name + " took " + std::to_string(took / second) + " s");
}

void check_quiet(Run& run, const std::string& when) {
  for (const auto& task : run.scheduler.tasks())
    if (task->kind == Task::Kind::process && !task->ended)
      return run.find("a call does not end", task->name + ", " + when);
  const auto all = records(run);
  for (const auto& record : all) {
    const auto guest =
        std::ranges::find(run.guests, record.guest, [](const Guest& g) { return g.plan.name; });
    const bool runs = guest != run.guests.end() && guest->state == GuestState::running;
    if (!runs && !run.excused.contains(record.guest))
      return run.find("a journal without a reason", "of the guest " + record.guest + ", " + when);
  }
  for (const auto& address : run.host.all_devices()) {
    const bool is_used =
        std::ranges::any_of(run.guests, [&](const Guest& g) { return owns(run, g, address); });
    if (is_used || is_claimed(all, address)) continue;
    const std::string state = run.host.state_of(address);
    if (!run.expected.at(address).contains(state))
      return run.find("a device is not as it was",
                      address + " has " + state + " instead of " +
                          join({run.expected.at(address).begin(), run.expected.at(address).end()}, " or ") +
                          ", " + when);
  }
  if (all.empty() && !run.took_the_desktop && run.host.state_of_screen() != run.screen)
    run.find("the screen is not as it was",
             run.host.state_of_screen() + " instead of " + run.screen + ", " + when);
}

}  // namespace qh::simulation
