// qemu-hook --prune
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/domain_source.h"
#include "cli/known_guests.h"
#include "cli/output.h"
#include "cli/picker.h"
#include "cli/reservation.h"
#include "config/store.h"
#include "core/file.h"
#include "core/text.h"
#include "handover/conf.h"
#include "handover/journal.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

struct Orphan {
  std::string guest, uuid, path;
  std::string backup = {};  // where the conf is now
};

// The confs of guests that are not among `known` and have no device now. A conf that cannot be read is
// nobody's to judge: it stays, with a warning.
Result<std::vector<Orphan>> find_orphans(const host::Host& host, const std::vector<std::string>& known) {
  std::vector<Orphan> orphans;
  const auto loaded =
      handover::each_conf(host, {}, [&](const std::string& path, const Result<config::GuestConf>& conf) {
        if (!conf) return print_warning(conf.error().message + "; it stays");
        if (std::binary_search(known.begin(), known.end(), conf->guest)) return;
        if (handover::has_journal(host, conf->guest))
          return print_warning(printable(conf->guest) + " still has devices of this host; its conf stays");
        orphans.push_back({conf->guest, conf->uuid, path});
      });
  if (!loaded) return fail(loaded.error());
  return orphans;
}

// Without the confs of guests that only have another name by now: their next start, or --setup, takes these
// along.
Result<void> leave_renamed(const libvirt::Domains& domains, const std::vector<std::string>& known,
                           std::vector<Orphan>& orphans) {
  if (std::all_of(orphans.begin(), orphans.end(), [](const Orphan& o) { return o.uuid.empty(); })) return {};
  const auto xmls = domains.xmls(known);
  if (!xmls) return fail(xmls.error());
  std::map<std::string, std::string> guests;  // by UUID
  for (const auto& [guest, text] : *xmls)
    if (const auto domain = text.and_then(xml::parse_domain)) guests.emplace(domain->uuid, guest);
  std::erase_if(orphans, [&](const Orphan& o) {
    const auto renamed = guests.find(o.uuid);
    if (o.uuid.empty() || renamed == guests.end()) return false;
    print_warning(o.path + " stays: the guest is now " + in_quotes(renamed->second) +
                  "; `qemu-hook --setup " + renamed->second + "` renames it");
    return true;
  });
  return {};
}

// Renames to a name that no older backup has, and that is no conf's.
Result<std::string> put_away(const std::string& path) {
  for (int i = 0; i < 1000; ++i) {
    const std::string backup = path + ".pruned" + (i == 0 ? "" : "." + std::to_string(i));
    const auto renamed = config::rename(path, backup);
    if (renamed) return backup;
    // There is such a backup already, or it is another reason: then the next name helps as little.
    if (!exists(backup) || !exists(path)) return fail(renamed.error());
  }
  return fail(ErrorKind::failed, path + " has a thousand backups", "delete some of them");
}

std::string table_of(const std::vector<Orphan>& orphans) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& o : orphans) rows.push_back({printable(o.guest), o.path});
  return table(rows);
}

}  // namespace

Exit prune(const host::Host& host, const Options& options) {
  // Only libvirt's own answer is good enough: without it every conf would look like nobody's.
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  const auto domains = libvirt_domains(host, *host_conf);
  const auto known = domains.names();
  if (!known) return failed(options, known.error());
  auto orphans = find_orphans(host, *known);
  if (!orphans) return failed(options, orphans.error());
  if (auto left = leave_renamed(domains, *known, *orphans); !left) return failed(options, left.error());
  if (!options.json && orphans->empty()) std::printf("each conf belongs to a guest that libvirt knows\n");
  if (!options.json && !orphans->empty())
    std::printf("libvirt does not know these guests:\n%s", table_of(*orphans).c_str());
  const bool asks = !options.json && !options.dry_run && !orphans->empty() && on_terminal();
  if (asks && !confirmed("Remove these confs and keep a backup of each?")) return Exit::refused;
  std::vector<Error> errors;
  if (!options.dry_run)
    for (auto& o : *orphans) {
      const auto backup = put_away(o.path);
      if (!backup) {
        errors.push_back(backup.error());
        continue;
      }
      o.backup = *backup;
      if (!options.json) std::printf("  kept as %s\n", o.backup.c_str());
    }
  if (!options.dry_run) (void)sync_reservations(host, *host_conf);
  if (options.json) {
    ordered_json list = ordered_json::array();
    for (const auto& o : *orphans)
      list.push_back({{"guest", o.guest}, {"conf", o.path}, {"backup", o.backup}});
    ordered_json object{{"ok", errors.empty()}, {"pruned", std::move(list)}};
    if (!errors.empty()) object["error"] = to_json(errors.front());
    print_json(object);
  }
  return end_with(errors);
}

}  // namespace qh::cli
