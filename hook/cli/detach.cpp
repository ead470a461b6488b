// qemu-hook --detach GUEST
#include "cli/load_guest.h"
#include "cli/step_report.h"
#include "handover/conf.h"
#include "handover/gpu.h"
#include "handover/handover.h"
#include "handover/machine.h"

namespace qh::cli {

Exit detach(const host::Host& host, const Options& options) {
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  const auto loaded = load_guest(host, options, *host_conf, Conf::sync);
  if (!loaded) return failed(options, loaded.error());
  if (loaded->conf.not_saved) print_warning(loaded->conf.not_saved->message);
  const auto& guest = loaded->guest;
  StepReport report(host, options);
  handover::Machine machine(host, *host_conf, report.log);
  const auto errors = handover::prepare(machine.ports, guest);
  const auto now = handover::make_guest(loaded->domain, loaded->conf.synced.conf, host);
  return report.finish(to_json(host, now, handover::measure_gpu(host, guest).kind), errors);
}

}  // namespace qh::cli
