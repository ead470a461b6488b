// qemu-hook --setup GUEST
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/domain_source.h"
#include "cli/guest_change.h"
#include "cli/load_guest.h"
#include "cli/output.h"
#include "cli/picker.h"
#include "cli/reservation.h"
#include "cli/setup_report.h"
#include "core/contains.h"
#include "handover/cards.h"
#include "host/host.h"

namespace qh::cli {
namespace {

// What is to be added and removed: as the call says, or on a terminal as a person chooses.
Result<GuestChange> wanted_change(const host::Host& host, const Options& options,
                                  const config::HostConf& host_conf, const xml::Domain& domain) {
  auto change = read_change(options);
  if (!change) return fail(change.error());
  if (change->empty() && domain.devices.empty() && options.xml.empty() && !options.json && on_terminal())
    change->add = pick_cards(host, options.guest, handover::list_cards(host, host_conf.defaults));
  return needed_change(host, host_conf, domain, *change);
}

Exit show_change(const Options& options, const GuestChange& change) {
  const std::string text = change_xml(change);
  return print(options, {{"guest", options.guest}, {"xml", text}}, text);
}

// What --reserve sets in the conf.
Result<handover::ReserveSettings> reserve_settings(const host::Host& host, const Options& options,
                                                   const config::HostConf& host_conf,
                                                   const xml::Domain& domain) {
  if (!host_conf.write_confs)
    return fail(ErrorKind::refused,
                "cannot reserve: write_confs = false in host.toml, and the conf is what says it",
                "write the guest's conf yourself, with `reserve` in it, and call `qemu-hook --setup` again");
  const auto now = put_together(host, host_conf, domain, Conf::read_only_and_accept);
  if (!now) return fail(now.error());
  if (*options.reserve != Reserve::no)
    if (auto may = handover::may_reserve(host, host_conf.defaults, now->guest); !may)
      return fail(may.error());
  return handover::reserve_settings(now->guest, *options.reserve);
}

// Brings the conf in step with the domain as it is now.
Result<LoadedGuest> sync(const host::Host& host, const Options& options, const config::HostConf& host_conf) {
  auto found = find_domain(host, options, host_conf);
  if (!found) return fail(found.error());
  if (!found->warning.empty()) print_warning(found->warning);
  handover::ReserveSettings reserve;
  if (options.reserve) {
    const auto settings = reserve_settings(host, options, host_conf, found->domain);
    if (!settings) return fail(settings.error());
    reserve = *settings;
  }
  auto loaded = put_together(host, host_conf, std::move(found->domain),
                             options.dry_run ? Conf::read_only_and_accept : Conf::sync_and_accept, reserve);
  if (loaded && loaded->conf.not_saved) return fail(*loaded->conf.not_saved);
  return loaded;
}

// A desktop has a card of the guest open, which it would leave alone if that were reserved.
bool wants_reservation(const host::Host& host, const config::HostConf& host_conf, const SetupReport& report) {
  const auto& guest = report.loaded.guest;
  for (const auto& f : report.findings)
    if (f.reserving_helps)
      return host_conf.write_confs && handover::may_reserve(host, host_conf.defaults, guest) &&
             confirmed("\nA desktop of this host has " + f.device +
                       " open. Reserve the card for guests, so that desktops leave it alone?");
  return false;
}

Exit show_report(const host::Host& host, const Options& options, const config::HostConf& host_conf,
                 LoadedGuest loaded) {
  const bool reserves = !options.dry_run;
  const auto reservations = reserves ? sync_reservations(host, host_conf) : handover::Reservations{};
  const auto report = report_setup(host, host_conf, options, std::move(loaded));
  const auto& guest = report.loaded.guest;
  std::vector<handover::ReservedNow> reserved;  // of the guest's own devices
  for (const auto& f : reservations.functions)
    if (contains(guest.addresses(), f.address)) reserved.push_back(f);
  if (options.json) {
    auto object = to_json(host, report);
    object["reservations"] = nlohmann::ordered_json::array();
    for (const auto& f : reserved)
      object["reservations"].push_back(
          {{"device", f.address.text()}, {"level", to_string(f.level)}, {"in_force", f.in_force}});
    print_json(object);
    return Exit::done;
  }
  print_setup(host, report);
  for (const auto& f : reserved) std::fputs(paragraph(describe(f, guest.name) + ".", 0).c_str(), stdout);
  if (!reserves || options.reserve || !on_terminal() || !wants_reservation(host, host_conf, report))
    return Exit::done;
  Options with_reservation = options;
  with_reservation.reserve = Reserve::display;
  auto again = sync(host, with_reservation, host_conf);
  if (!again) return failed(options, again.error());
  return show_report(host, with_reservation, host_conf, std::move(*again));
}

Exit set_up_one(const host::Host& host, const Options& options, const config::HostConf& host_conf) {
  std::optional<std::string> before;  // the guest's XML, where it was changed
  const bool may_change = options.xml.empty();
  if (may_change) {
    const auto found = find_domain(host, options, host_conf);
    if (!found) return failed(options, found.error());
    const auto change = wanted_change(host, options, host_conf, found->domain);
    if (!change) return failed(options, change.error());
    if (!change->empty() && options.dry_run) return show_change(options, *change);
    if (!change->empty()) {
      const auto changed = change_guest(libvirt_domains(host, host_conf), options.guest, *change);
      if (!changed) return failed(options, changed.error());
      before = *changed;
    }
  }
  auto loaded = sync(host, options, host_conf);
  if (!loaded && before)
    return failed(options, restore_guest(libvirt_domains(host, host_conf), options.guest, *before,
                                         loaded.error(), "the guest is as it was"));
  if (!loaded) return failed(options, loaded.error());
  return show_report(host, options, host_conf, std::move(*loaded));
}

}  // namespace

Exit setup(const host::Host& host, const Options& options) {
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  return options.all ? setup_all(host, options, *host_conf) : set_up_one(host, options, *host_conf);
}

}  // namespace qh::cli
