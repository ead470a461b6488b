#include "event/daemon_start.h"

#include "handover/claims.h"
#include "handover/conf.h"
#include "handover/journal.h"
#include "handover/machine.h"
#include "handover/transaction.h"
#include "host/names.h"
#include "host/processes/child.h"

namespace qh::event {
namespace {

// A guest whose state file is there is libvirt's: as soon as the QEMU driver starts, which it does after this
// hook, it looks for the guest's QEMU and calls `release` if there is none (qemuProcessReconnect in
// src/qemu/qemu_process.c). So it does no harm that every modular daemon calls this hook, whatever its
// driver.
bool is_left_over(const host::Host& host, const handover::Record& record) {
  return !host.exists(names::live_state(record.guest)) &&
         handover::holding_despite_lock(host, record) == handover::Holding::leftover;
}

// What may happen meanwhile:
// - A hook of the killed daemon is still at work. It has the journal's lock, and is waited for.
// - The guest is started again. `prepare` comes before anything else (qemuProcessInit), and it needs the lock
//   too. If it was faster, the journal under the lock is a new one, of a daemon that lives.
// - Another guest wants the devices, or somebody calls `--reattach`: both wait for the lock.
// - Another call of this hook (the daemon is killed again): whoever comes second finds no journal.
// - This process is killed with the daemon's unit, where that is not KillMode=process. The journal stays, and
//   the next call goes on: undoing may be repeated.
void undo_left_over(const host::Host& host, const std::string& guest) {
  host::Log log(host, guest);
  const Stopwatch watch;
  // Looked at without the lock first, which others would take for a start or an end. A journal that cannot be
  // read is opened for the reason.
  const auto seen = host.read(names::journal(guest)).and_then(handover::parse_record);
  if (seen && !is_left_over(host, *seen)) return;
  auto conf = handover::load_host_conf(host).value_or(config::HostConf());
  // The daemon answers nobody before it is up, and has forgotten the devices.
  conf.backend = config::Backend::sysfs;
  handover::Machine machine(host, conf, log);
  const handover::Bounded bounded(machine.ports, conf.deadlines.whole);
  auto journal = handover::Journal::open(host, guest, machine.ports.limit(conf.deadlines.lock));
  if (!journal && journal.error().is(ErrorKind::not_found)) return;
  if (!journal) return log.error(journal.error());
  if (!is_left_over(host, journal->record())) return;
  log.warning("undoing what was left over: no daemon tells of the guest's end any more",
              {host::events::left_over});
  if (handover::undo_steps(machine.ports, *journal).empty())
    log.took("released, the host is as it was", watch, {host::events::released});
}

}  // namespace

std::vector<Error> daemon_start(const host::Host& host, const std::string&, host::Log&) {
  const auto records = handover::list_records(host);
  if (records.empty()) return {};
  const auto started = host::run_detached([&] {
    for (const auto& record : records) undo_left_over(host, record.guest);
  });
  if (!started) return {started.error()};
  return {};
}

}  // namespace qh::event
