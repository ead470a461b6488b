// qemu-hook --reattach GUEST
#include <cstdio>

#include "cli/step_report.h"
#include "core/text.h"
#include "handover/conf.h"
#include "handover/handover.h"
#include "handover/journal.h"
#include "handover/machine.h"
#include "host/names.h"

namespace qh::cli {
namespace {

// What the guest's conf names; its XML may be gone by now.
std::vector<PciAddress> conf_addresses(const host::Host& host, const std::string& guest) {
  std::vector<PciAddress> addresses;
  if (const auto conf = handover::load_guest_conf(host, guest))
    for (const auto& d : conf->devices) addresses.push_back(d.address);
  return addresses;
}

}  // namespace

Exit reattach(const host::Host& host, const Options& options) {
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  const bool journal = handover::has_journal(host, options.guest);
  const auto addresses = conf_addresses(host, options.guest);
  if (!journal && addresses.empty())
    return failed(
        options,
        {ErrorKind::not_found,
         "the guest " + in_quotes(options.guest) + " is unknown: it has neither a journal nor a conf",
         "see " + host.path(names::guest_conf_folder) + " and " + host.path(names::run_folder)});
  StepReport report(host, options);
  handover::Machine machine(host, *host_conf, report.log);
  const auto errors = handover::repair(machine.ports, options.guest, addresses);
  if (errors.empty() && !options.json && !journal)
    std::printf("  nothing was left over from %s\n", printable(options.guest).c_str());
  return report.finish({{"guest", options.guest}}, errors);
}

}  // namespace qh::cli
