// qemu-hook --setup --all
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/domain_source.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/reservation.h"
#include "cli/setup_report.h"
#include "core/file.h"
#include "core/text.h"
#include "host/names.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

// A guest without devices of this host needs no conf; one that has a conf may have lost its devices.
bool is_of_interest(const host::Host& host, const xml::Domain& domain) {
  return !domain.devices.empty() || host.exists(names::guest_conf(domain.name));
}

std::vector<std::string> row(const SetupReport& r) {
  const auto& guest = r.loaded.guest;
  std::string start = guest.devices.empty() ? "-" : "would work";
  for (const auto& f : r.findings)
    if (f.severity == handover::Severity::error) {
      start = "would be refused: " + f.check;
      break;
    }
  return {printable(guest.name),
          r.wrote                        ? "written"
          : r.loaded.conf.synced.changed ? "not written"
                                         : "unchanged",
          std::to_string(guest.devices.size()), start};
}

}  // namespace

Exit setup_all(const host::Host& host, const Options& options, const config::HostConf& host_conf) {
  const auto all = all_domains(host, host_conf);
  if (!all) return failed(options, all.error());
  const Conf use = options.dry_run ? Conf::read_only_and_accept : Conf::sync_and_accept;
  ordered_json guests = ordered_json::array(), failures = ordered_json::array();
  std::vector<std::vector<std::string>> rows{{"GUEST", "CONF", "DEVICES", "START"}};
  std::vector<Error> errors;
  std::size_t without = 0;
  const auto failure = [&](const std::string& guest, Error error) {
    failures.push_back({{"guest", guest}, {"message", error.message}, {"remedy", error.remedy}});
    error.message = printable(guest) + ": " + error.message;
    errors.push_back(std::move(error));
  };
  std::size_t looked_at = 0;
  std::optional<Progress> progress;
  for (const auto& [name, domain] : *all) {
    if (is_watched(options)) {
      progress.reset();
      progress.emplace(name + ", " + std::to_string(++looked_at) + " of " + std::to_string(all->size()),
                       std::nullopt);
    }
    if (!domain) {
      failure(name, domain.error());
      continue;
    }
    if (!is_of_interest(host, *domain)) {
      ++without;
      continue;
    }
    auto loaded = put_together(host, host_conf, *domain, use);
    if (!loaded || loaded->conf.not_saved) {
      failure(name, loaded ? *loaded->conf.not_saved : loaded.error());
      continue;
    }
    const auto report = report_setup(host, host_conf, options, std::move(*loaded));
    guests.push_back(to_json(host, report));
    rows.push_back(row(report));
  }
  progress.reset();
  if (!options.dry_run) (void)sync_reservations(host, host_conf);
  if (options.json) {
    print_json({{"ok", errors.empty()}, {"guests", std::move(guests)}, {"failed", std::move(failures)}});
  } else {
    if (rows.size() > 1) std::fputs(table(rows).c_str(), stdout);
    std::printf("%zu guests with devices of this host, %zu without\n", rows.size() - 1, without);
  }
  return end_with(errors);
}

}  // namespace qh::cli
