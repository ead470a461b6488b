// Nobody has the devices open any more.
#include "core/text.h"
#include "handover/ports.h"
#include "handover/steps/step.h"
#include "host/processes/holders.h"
#include "host/processes/sound_servers.h"

namespace qh::handover {

std::string WaitForHolders::describe() const {
  return "wait until no program holds " + join(texts(devices));
}

Result<void> WaitForHolders::run(Ports& ports, Journal&) const {
  const Deadline deadline(ports.limit(ports.conf.deadlines.holders));
  for (;;) {
    const auto holders = host::without_watchers(ports.host, host::holders_of(ports.host, devices));
    if (holders.empty()) return {};
    if (deadline.passed()) {
      const auto& first = holders.front();
      std::string who = printable(first.command) + " (process " + std::to_string(first.pid) + ") has " +
                        first.node.path + (first.mapped ? " mapped" : " open");
      if (holders.size() > 1) who += ", and " + std::to_string(holders.size() - 1) + " more hold it";
      return fail(ErrorKind::timed_out, first.node.function.text() + ": it is still held: " + who,
                  "end it before you start the guest; see `ps " + std::to_string(first.pid) + "`");
    }
    std::this_thread::sleep_for(std::min(host::pause_between_looks, deadline.left()));
  }
}

}  // namespace qh::handover
