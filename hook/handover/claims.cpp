#include "handover/claims.h"

#include <sys/file.h>

#include <algorithm>

#include "core/contains.h"
#include "handover/device.h"
#include "host/names.h"
#include "xml/domain.h"

namespace qh::handover {
namespace {

// Whether somebody works on the guest's journal just now.
bool is_locked(const host::Host& host, const std::string& guest) {
  // A FIFO in its place is not waited for.
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const Fd fd(::open(host.path(names::journal(guest)).c_str(), flags));
  return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) < 0;
}

}  // namespace

Holding holding(const host::Host& host, const Record& r) {
  return is_locked(host, r.guest) ? Holding::changing : holding_despite_lock(host, r);
}

Holding holding_despite_lock(const host::Host& host, const Record& r) {
  if (host::find_guest_process(host, r.guest, r.uuid)) return Holding::running;
  if (r.undoing) return Holding::leftover;
  if (!r.daemon) return Holding::by_hand;
  // Without a QEMU the guest is about to start or has just ended; as long as the daemon lives that called
  // `prepare`, it calls `release` too.
  if (host::is_alive(host, *r.daemon)) return Holding::changing;
  // So does one that was started since and that finds the guest's state: it removes that last of all but
  // `release` (qemuProcessStop in src/qemu/qemu_process.c).
  const bool is_known = r.guest.find('/') == std::string::npos && host.exists(names::live_state(r.guest));
  return is_known && host::find_running_daemon(host) ? Holding::changing : Holding::leftover;
}

std::vector<PciAddress> unplugged(const host::Host& host, const Record& r) {
  if (!r.ready || r.undoing || r.guest.find('/') != std::string::npos) return {};
  const auto text = host.read(names::live_state(r.guest), xml::largest_domain_xml);
  if (!text) return {};
  // The domain as it runs stands within libvirt's <domstatus> (virDomainObjFormat in src/conf/domain_conf.c).
  const auto begin = text->find("<domain "), end = text->rfind("</domain>");
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  const auto domain = xml::parse_domain(text->substr(begin, end + 9 - begin));
  if (!domain) return {};
  std::vector<PciAddress> gone;
  for (const auto& address : r.devices) {
    const bool has = std::ranges::count(domain->devices, address, &xml::HostDevice::address) > 0;
    // libvirt forgets a device before QEMU has closed it.
    if (r.claims(address) && !has && !is_open_through_vfio(host, address)) gone.push_back(address);
  }
  return gone;
}

std::vector<Conflict> find_conflicts(const host::Host& host, const std::string& guest,
                                     const std::vector<PciAddress>& addresses) {
  std::vector<Conflict> conflicts;
  for (auto& record : list_records(host)) {
    if (record.guest == guest) continue;
    auto wanted = addresses;
    std::erase_if(wanted, [&](const auto& address) { return !record.claims(address); });
    if (wanted.empty()) continue;
    auto state = holding(host, record);
    const auto gone = state == Holding::running ? unplugged(host, record) : std::vector<PciAddress>();
    // One conflict a guest says enough: the first device that it really has.
    const auto first =
        std::ranges::find_if(wanted, [&](const auto& address) { return !contains(gone, address); });
    if (first == wanted.end()) state = Holding::leftover;
    conflicts.push_back({first == wanted.end() ? wanted.front() : *first, std::move(record), state});
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
