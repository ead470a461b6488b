// qemu-hook --setup GUEST
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/domain_source.h"
#include "cli/guest_change.h"
#include "cli/load_guest.h"
#include "cli/output.h"
#include "cli/picker.h"
#include "cli/setup_report.h"
#include "handover/cards.h"
#include "host/sysfs.h"

namespace qh::cli {
namespace {

// What is to be added and removed: as the call says, or on a terminal as a person chooses. Nothing: it was
// refused, and said so.
std::optional<GuestChange> wanted_change(const std::string& root, const Options& options,
                                         const config::HostConf& host_conf, const host::Sysfs& sysfs,
                                         const xml::Domain& domain) {
  auto change = read_change(options);
  if (!change) return print_errors({change.error()}), std::nullopt;
  if (change->empty() && domain.devices.empty() && options.xml.empty() && !options.json && on_terminal())
    change->add = pick_cards(root, options.guest, handover::list_cards(root, sysfs, host_conf.defaults));
  auto needed = needed_change(root, sysfs, host_conf, domain, *change);
  if (!needed) return print_errors({needed.error()}), std::nullopt;
  return std::move(*needed);
}

int show_change(const Options& options, const GuestChange& change) {
  const std::string text = change_xml(change);
  if (options.json)
    print_json({{"guest", options.guest}, {"xml", text}});
  else
    std::fputs(text.c_str(), stdout);
  return done;
}

// Brings the conf in step with the domain as it is now.
Result<LoadedGuest> sync(const std::string& root, const Options& options, const config::HostConf& host_conf,
                         const host::Sysfs& sysfs) {
  auto found = find_domain(root, options);
  if (!found) return fail(found.error());
  if (!found->warning.empty()) print_warning(found->warning);
  auto loaded = put_together(root, host_conf, sysfs, std::move(found->domain),
                             options.dry_run ? Conf::read_only_and_accept : Conf::sync_and_accept);
  if (loaded && loaded->conf.not_saved) return fail(*loaded->conf.not_saved);
  return loaded;
}

int set_up_one(const std::string& root, const Options& options, const config::HostConf& host_conf) {
  const host::RealSysfs sysfs(root);
  std::optional<ChangedGuest> changed;
  const bool may_change = options.xml.empty();
  if (may_change) {
    const auto found = find_domain(root, options);
    if (!found) return print_errors({found.error()}), refused;
    const auto change = wanted_change(root, options, host_conf, sysfs, found->domain);
    if (!change) return refused;
    if (!change->empty() && options.dry_run) return show_change(options, *change);
    if (!change->empty()) {
      auto applied = ChangedGuest::apply(libvirt_domains(root), options.guest, *change);
      if (!applied) return print_errors({applied.error()}), refused;
      changed.emplace(std::move(*applied));
    }
  }
  auto loaded = sync(root, options, host_conf, sysfs);
  if (!loaded) {
    std::vector<Error> errors{loaded.error()};
    if (changed) {
      if (auto undone = changed->undo(); undone)
        errors.front().message += "; the guest is as it was";
      else
        errors.push_back(undone.error());
    }
    return print_errors(errors), refused;
  }
  const auto report = report_setup(root, sysfs, host_conf, options, std::move(*loaded));
  if (options.json)
    print_json(to_json(report));
  else
    print_setup(report);
  return done;
}

}  // namespace

int setup(const std::string& root, const Options& options) {
  const auto host_conf = handover::load_host_conf(root);
  if (!host_conf) return print_errors({host_conf.error()}), refused;
  return options.all ? setup_all(root, options, *host_conf) : set_up_one(root, options, *host_conf);
}

}  // namespace qh::cli
