#include "handover/survey.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/contains.h"
#include "core/text.h"
#include "handover/device.h"
#include "handover/reservations.h"
#include "host/names.h"
#include "host/pci/iommu.h"
#include "host/pci/pci_device.h"
#include "host/pci/pci_ids.h"
#include "host/pci/reset_bug.h"
#include "host/pci/rom.h"
#include "host/processes/abilities.h"
#include "host/processes/child.h"
#include "host/processes/confinement.h"
#include "host/services/modules.h"

namespace qh::handover {
namespace {

// By these a compositor takes the cards that are named, whatever their seat (KWin's drm_backend.cpp, wlroots'
// backend/session, aquamarine's DRM.cpp).
constexpr std::array card_variables{"KWIN_DRM_DEVICES", "WLR_DRM_DEVICES", "AQ_DRM_DEVICES"};

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

void measure_desktop(const host::Host& host, Survey& s) {
  const auto& holders = s.holders.holders;
  s.has_seatd = host.exists(names::seatd_socket);
  s.watchers = host::sound_watchers(host, holders);
  if (!holders.empty()) s.sessions = host::list_sessions(host);
  for (const auto& h : holders) {
    if (!s.places.contains(h.pid)) s.places[h.pid] = host::place_of(host, h.pid);
    if (is_card(h.node) && !host::serves_sessions(h.pid, h.command) && !s.variables.contains(h.pid))
      s.variables[h.pid] = variables_of(host, h.pid);
  }
}

DeviceUse look_below(const host::Host& host, const Guest& guest, const Device& d,
                     const Deadline& image_patience) {
  DeviceUse use;
  const auto config = host.sysfs.read_bytes(names::attribute(d.address(), "config"), 4);
  use.answers = config || !config.error().is(ErrorKind::timed_out);
  if (!use.answers) return use;  // whatever asks its driver would wait as well
  // With the module there, what the conf asks for works, whatever the kernel listed when it found the card.
  const bool has_own_reset =
      d.conf.reset == config::Reset::device_specific && host.sysfs.exists(names::module("vendor_reset"));
  if (!has_own_reset) use.reset_bug = host::reset_bug_family(host, d.address());
  use.virtual_functions = host::virtual_functions(host, d.address());
  if (d.present->on_vfio) return use;
  use.storage = host::storage_use(host, d.address(), guest.images, image_patience);
  use.network = host::network_use(host, d.address());
  return use;
}

// A display manager is asked for with systemctl already.
host::Needs needs_of(const Survey& s) {
  const bool unloads = s.screen && !(s.screen->modules_above.empty() && s.screen->driver_modules.empty());
  const bool has_network = std::ranges::any_of(s.guest.devices, [](const Device& d) {
    return d.use.before && d.present->class_code().starts_with("02");
  });
  return {.modules = !s.vfio_is_loaded || unloads, .services = false, .network = has_network};
}

}  // namespace

Survey survey(const host::Host& host, const host::Services& services, Guest guest) {
  Survey s = survey_devices(host, std::move(guest));
  for (auto& d : s.guest.devices) {
    // A device on a VFIO driver already is not ours: not touched, not given back.
    if (!d.is_ours() || !d.is_the_hosts()) continue;
    auto driver_override = read_driver_override(host, d.address());
    if (driver_override)
      d.use.before = {d.address(), d.present->driver, std::move(*driver_override)};
    else
      s.unanswered.push_back({d.address().text(), driver_override.error()});
    if (d.use.before && d.present->driver == "nvidia" && d.is_display() &&
        services.has_persistence(d.address()))
      s.persistent.push_back(d.address());
  }
  auto screen = measure_screen(host, services, s);
  if (screen)
    s.screen = std::move(*screen);
  else
    s.unanswered.push_back({"", screen.error()});
  if (std::ranges::any_of(s.guest.devices, [](const Device& d) { return d.use.before.has_value(); }))
    s.lacks = host::find_lacks(host, needs_of(s));
  return s;
}

Survey survey_devices(const host::Host& host, Guest guest) {
  Survey s;
  for (const auto& address : host::list_pci_addresses(host)) {
    if (auto device = host::read_pci_device(host, address)) s.all_devices.push_back(std::move(*device));
    if (host::physical_function(host, address)) s.virtual_devices.push_back(address);
  }
  s.profile = host::confinement(host);
  s.gpu = measure_gpu(host, guest);
  s.conflicts = find_conflicts(host, guest.name, devices_in_groups(host, guest));

  const Deadline image_patience(host::image_patience);
  for (auto& d : guest.devices) {
    if (!d.present) continue;
    d.use = look_below(host, guest, d, image_patience);
    d.use.reservation = reservation(host, d);
    for (const auto& identity : {d.present->identity, d.conf.identity})
      if (d.conf.identity != d.present->identity) s.names[identity] = host::pci_name(host, identity);
  }
  // One look at all processes for all of the guest's devices.
  const auto present = guest.addresses_of([](const Device& d) { return d.present.has_value(); });
  s.holders = host::find_holders(host, host::device_nodes(host, present));
  measure_desktop(host, s);
  s.last_inputs = host::last_inputs(host, guest.addresses_of(&Device::is_the_hosts));
  for (const auto& file : guest.rom_files)
    if (auto problem = host::rom_problem(host, file)) s.rom_problems.push_back(std::move(*problem));

  s.kernel = host::kernel_release(host);
  s.vfio_is_loaded = host.sysfs.exists(names::vfio_pci_driver);
  // Where no module may be loaded, that is the finding, not that none is seen.
  s.has_vfio = s.vfio_is_loaded || !host::may_load_modules(host) ||
               host::module_is_installed(host, s.kernel, names::vfio_pci);
  const bool iommu = host::iommu_at_work(host) ||
                     std::ranges::any_of(s.all_devices, [](const auto& d) { return !d.iommu_group.empty(); });
  s.iommu_remedy = host::iommu_remedy(host, iommu);
  s.sees_all = ::geteuid() == 0 || host.is_copy();
  s.guest = std::move(guest);
  return s;
}

bool is_card(const host::DeviceNode& node) {
  return node.subsystem == "drm" && node.path.starts_with("/dev/dri/card");
}

std::vector<PciAddress> devices_in_groups(const host::Host& host, const Guest& guest) {
  auto all = guest.addresses();
  for (const auto& d : guest.devices) {
    if (!d.present || d.present->iommu_group.empty()) continue;
    // Documentation/ABI/testing/sysfs-kernel-iommu_groups
    for (const auto& name : host.sysfs.list("kernel/iommu_groups/" + d.present->iommu_group + "/devices"))
      if (const auto address = parse_pci_address(name)) add_once(all, *address);
  }
  return all;
}

}  // namespace qh::handover
