#include "handover/reservations.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "config/store.h"
#include "core/contains.h"
#include "core/text.h"
#include "handover/gpu.h"
#include "host/graphics/console.h"
#include "host/names.h"
#include "host/pci/pci_device.h"

namespace qh::handover {
namespace {

// Adds what one conf says. Two guests may have the same card; the stricter one counts.
void add_conf(const host::Host& host, const config::GuestConf& conf,
              std::map<std::string, host::Reserved>& all) {
  for (const auto& d : conf.devices) {
    if (!is_reservable(d.identity, d.reserve)) continue;
    const auto present = host::read_pci_device(host, d.address);
    if (present && present->is_display() && !host::console_reasons(host, d.address).empty()) continue;
    auto& reserved = all[d.address.text() + d.identity];
    reserved.address = d.address;
    reserved.identity = d.identity;
    reserved.level = std::max(reserved.level, d.reserve);
    add_once(reserved.guests, conf.guest);
  }
}

Result<bool> write_rules(const host::Host& host, const std::string& text) {
  const std::string path = host.path(names::udev_rules);
  const auto old = host.read(names::udev_rules);
  if (!old && !old.error().is(ErrorKind::not_found)) return fail(old.error());
  if (text == old.value_or("")) return false;
  if (old && !host::is_our_rules(*old))
    return fail(ErrorKind::refused, path + " is somebody else's file", "give it another name");
  if (!text.empty()) {
    if (auto saved = config::save(path, text); !saved) return fail(saved.error());
  } else if (::unlink(path.c_str()) != 0) {
    return fail(system_error("remove", path, errno));
  }
  return true;
}

// Those that have a node open which the rule is about, sound servers too.
std::vector<host::Holder> holders_of(const host::Host& host, const PciAddress& function) {
  std::vector<host::DeviceNode> nodes;
  for (auto& node : host::device_nodes(host, {function}))
    if (node.subsystem == "drm" || node.subsystem == "sound") nodes.push_back(std::move(node));
  return host::find_holders(host, nodes).holders;
}

// The functions whose devices the rule is about, and those for which udev still applies an old one.
std::vector<ReservedNow> functions_to_look_at(const host::Host& host,
                                              const std::vector<host::Reserved>& wanted) {
  std::vector<ReservedNow> all;
  for (const auto& address : host::list_pci_addresses(host)) {
    const auto device = host::read_pci_device(host, address);
    if (!device || !is_reservable(device->identity, Reserve::all)) continue;
    ReservedNow now{address};
    for (const auto& r : wanted)
      if (r.address == address && r.identity == device->identity) now.level = r.level;
    now.in_force = host::is_in_force(host, host::reservable_devices(host, address), now.level);
    if (now.level != Reserve::no || !now.in_force) all.push_back(std::move(now));
  }
  return all;
}

bool has_monitor(const host::Host& host, const PciAddress& address) {
  for (const auto& card : host::drm_cards(host, address)) {
    const std::string folder = "class/drm/" + card;
    for (const auto& name : host.sysfs.list(folder))
      if (name.starts_with(card + "-") && host.sysfs.read(folder + "/" + name + "/status") == "connected")
        return true;
  }
  return false;
}

}  // namespace

bool is_reservable(const std::string& identity, Reserve level) {
  // It is written into a rule: nothing else may stand there.
  constexpr std::string_view form = "xxxx:xxxx xxxx:xxxx xxxxxx";
  const bool is_formed = std::ranges::equal(
      identity, form, [](char c, char f) { return f == 'x' ? hex_digit(c) >= 0 : c == f; });
  if (!is_formed) return false;
  const std::string code = identity.substr(identity.rfind(' ') + 1);
  const bool is_audio = code == "040300" || code == "040100";
  return level != Reserve::no && (code.starts_with("03") || (is_audio && level == Reserve::all));
}

Reservation reservation(const host::Host& host, const Device& d) {
  if (!d.present || !is_reservable(d.present->identity, d.conf.reserve)) return Reservation::none;
  if (d.is_display() && !host::console_reasons(host, d.address()).empty()) return Reservation::impossible;
  if (!host::has_udev_database(host)) return Reservation::no_database;
  const auto text = host.read(names::udev_rules).value_or("");
  // Another guest's conf may ask for more.
  for (const auto level : {Reserve::all, d.conf.reserve})
    if (text.find(host::udev_rule({d.address(), d.present->identity, level, {}})) != std::string::npos)
      return host::is_in_force(host, host::reservable_devices(host, d.address()), level)
                 ? Reservation::in_force
                 : Reservation::pending;
  return Reservation::missing;
}

Result<std::vector<host::Reserved>> wanted_reservations(const host::Host& host,
                                                        const config::Defaults& defaults) {
  std::map<std::string, host::Reserved> all;
  std::optional<Error> unreadable;
  const auto loaded =
      each_conf(host, defaults, [&](const std::string&, const Result<config::GuestConf>& conf) {
        if (conf)
          add_conf(host, *conf, all);
        else
          unreadable = conf.error();
      });
  if (!loaded) return fail(loaded.error());
  if (unreadable) return fail(*unreadable);
  std::vector<host::Reserved> reserved;
  for (auto& [key, function] : all) reserved.push_back(std::move(function));
  return reserved;
}

Result<Reservations> apply_reservations(const host::Host& host, host::Udev& udev,
                                        const config::Defaults& defaults) {
  const auto wanted = wanted_reservations(host, defaults);
  if (!wanted) return fail(wanted.error());
  Reservations result;
  const bool has_udev = host::has_udev_database(host);
  if (!has_udev && !wanted->empty())
    result.warnings.emplace_back(
        "this host has no udev database, so no desktop asks for a card's seat, and a "
        "reservation does nothing");
  const auto wrote = write_rules(host, has_udev ? host::udev_rules(*wanted) : "");
  if (!wrote) return fail(wrote.error());
  result.wrote = *wrote;
  if (result.wrote)
    if (auto done = udev.reload(); !done) result.warnings.push_back(done.error().message);
  if (!has_udev) return result;

  result.functions = functions_to_look_at(host, *wanted);
  std::vector<host::UdevDevice> free;
  for (auto& f : result.functions) {
    if (f.in_force) continue;
    f.holders = holders_of(host, f.address);
    if (!f.holders.empty()) continue;
    for (auto& device : host::reservable_devices(host, f.address)) free.push_back(std::move(device));
  }
  if (!free.empty())
    if (auto done = udev.change(free); !done) result.warnings.push_back(done.error().message);
  for (auto& f : result.functions)
    f.in_force = host::is_in_force(host, host::reservable_devices(host, f.address), f.level);
  return result;
}

ReserveSettings reserve_settings(const Guest& guest, Reserve level) {
  ReserveSettings settings;
  for (const auto& d : guest.devices) {
    const bool beside_display = std::ranges::any_of(guest.devices, [&](const auto& other) {
      return other.is_display() && other.address().same_slot(d.address());
    });
    const bool is_its_sound = d.present && d.present->is_audio() && beside_display;
    if (d.is_display() || (is_its_sound && level == Reserve::all))
      settings[d.address()] = level;
    else if (d.present && is_reservable(d.present->identity, d.conf.reserve))
      settings[d.address()] = Reserve::no;
  }
  return settings;
}

Result<void> may_reserve(const host::Host& host, const config::Defaults& defaults, const Guest& guest) {
  const auto displays = guest.addresses_of(&Device::is_display);
  if (displays.empty())
    return fail(ErrorKind::refused,
                printable(guest.name) + " has no graphics card of this host, so there is none to reserve",
                "add one first: `qemu-hook --setup " + printable(guest.name) + "`");
  auto console = measure_gpu(host, guest).console_devices;
  for (const auto& display : displays)
    if (!host::console_reasons(host, display).empty()) console.push_back(display);
  if (!console.empty())
    return fail(
        ErrorKind::refused, console.front().text() + ": cannot be reserved: the host's own screen is on it",
        "the desktop ends when this guest starts, and comes back after it; nothing is to be reserved");
  const auto reserved = wanted_reservations(host, defaults);
  if (!reserved) return fail(reserved.error());
  std::vector<PciAddress> others;  // that the desktop can go on with
  for (const auto& address : host::list_pci_addresses(host)) {
    const auto device = host::read_pci_device(host, address);
    const bool is_reserved = std::ranges::count(*reserved, address, &host::Reserved::address) > 0;
    if (device && device->is_display() && !device->on_vfio && !is_reserved && !contains(displays, address) &&
        !host::physical_function(host, address))
      others.push_back(address);
  }
  const auto is_lit = [&](const auto& display) { return has_monitor(host, display); };
  const auto lit = std::ranges::find_if(displays, is_lit);
  if (!others.empty() && (lit == displays.end() || std::ranges::any_of(others, is_lit))) return {};
  const PciAddress& card = others.empty() ? displays.front() : *lit;
  return fail(ErrorKind::refused,
              card.text() + ": cannot be reserved: " +
                  (others.empty() ? "the host has no other card for its desktop"
                                  : "no other card has a monitor connected"),
              !others.empty() ? "connect a monitor to a card that stays with the host"
                              : "set `gpu = \"primary\"` in " + names::guest_conf(guest.name) +
                                    ", and the guest takes the whole screen");
}

std::string describe(const ReservedNow& f, const std::string& guest) {
  const bool stays = f.level != Reserve::no;
  const std::string what =
      f.address.text() +
      (stays ? std::string(" is reserved (") + to_string(f.level) + ")" : " is not reserved any more");
  if (f.in_force) return what + ", in force now";
  if (f.holders.empty()) return what + ", in force from the next boot on";
  return what +
         ", in force from the next boot on; or, without one: log out, stop from a text console or over ssh "
         "what still has it open (`systemctl stop display-manager`), call `qemu-hook --setup " +
         printable(guest) + "` again, and log in. It is open now in " + host::describe(f.holders);
}

}  // namespace qh::handover
