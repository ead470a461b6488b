// qemu-hook --setup GUEST
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/domain_source.h"
#include "cli/guest_change.h"
#include "cli/load_guest.h"
#include "cli/output.h"
#include "cli/picker.h"
#include "cli/setup_report.h"
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

// Brings the conf in step with the domain as it is now.
Result<LoadedGuest> sync(const host::Host& host, const Options& options, const config::HostConf& host_conf) {
  auto loaded = load_guest(host, options, host_conf,
                           options.dry_run ? Conf::read_only_and_accept : Conf::sync_and_accept);
  if (loaded && loaded->conf.not_saved) return fail(*loaded->conf.not_saved);
  return loaded;
}

Exit set_up_one(const host::Host& host, const Options& options, const config::HostConf& host_conf) {
  std::optional<ChangedGuest> changed;
  const bool may_change = options.xml.empty();
  if (may_change) {
    const auto found = find_domain(host, options, host_conf);
    if (!found) return failed(options, found.error());
    const auto change = wanted_change(host, options, host_conf, found->domain);
    if (!change) return failed(options, change.error());
    if (!change->empty() && options.dry_run) return show_change(options, *change);
    if (!change->empty()) {
      auto applied = ChangedGuest::apply(libvirt_domains(host, host_conf), options.guest, *change);
      if (!applied) return failed(options, applied.error());
      changed.emplace(std::move(*applied));
    }
  }
  auto loaded = sync(host, options, host_conf);
  if (!loaded) {
    Error error = loaded.error();
    if (changed) {
      const auto undone = changed->undo();
      error.message += undone ? "; the guest is as it was" : "; " + undone.error().message;
      if (!undone) error.remedy = undone.error().remedy;
    }
    return failed(options, error);
  }
  const auto report = report_setup(host, host_conf, options, std::move(*loaded));
  if (options.json)
    print_json(to_json(report));
  else
    print_setup(report);
  return Exit::done;
}

}  // namespace

Exit setup(const host::Host& host, const Options& options) {
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  return options.all ? setup_all(host, options, *host_conf) : set_up_one(host, options, *host_conf);
}

}  // namespace qh::cli
