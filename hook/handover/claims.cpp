#include "handover/claims.h"

#include <sys/file.h>

#include "host/names.h"

namespace qh::handover {
namespace {

// Whether somebody works on the guest's journal just now.
bool is_locked(const std::string& root, const std::string& guest) {
  const host::Fd fd(::open((root + names::journal(guest)).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) < 0;
}

}  // namespace

Holding holding(const std::string& root, const Record& r) {
  if (is_locked(root, r.guest)) return Holding::changing;
  if (host::find_guest_process(root, r.guest, r.uuid)) return Holding::running;
  if (r.undoing) return Holding::leftover;
  if (!r.daemon) return Holding::by_hand;
  // Without a QEMU the guest is about to start or has just ended; as long as the daemon lives that called
  // `prepare`, it calls `release` too.
  return host::is_alive(root, *r.daemon) ? Holding::changing : Holding::leftover;
}

std::vector<Conflict> find_conflicts(const std::string& root, const std::string& guest,
                                     const std::vector<PciAddress>& addresses) {
  std::vector<Conflict> conflicts;
  for (auto& record : list_records(root)) {
    if (record.guest == guest) continue;
    for (const auto& address : addresses) {
      if (!record.claims(address)) continue;
      conflicts.push_back({address, record, holding(root, record)});
      break;
    }
  }
  return conflicts;
}

std::string since(std::time_t when) {
  const std::time_t now = std::time(nullptr);
  std::tm then{}, today{};
  ::localtime_r(&when, &then);
  ::localtime_r(&now, &today);
  const bool same_day = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
  char text[32];
  std::strftime(text, sizeof text, same_day ? "since %H:%M" : "since %Y-%m-%d %H:%M", &then);
  return text;
}

}  // namespace qh::handover
