// qemu-hook --detach GUEST, qemu-hook --reattach GUEST
#include "handover/handover.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/load_guest.h"
#include "cli/output.h"
#include "config/store.h"
#include "core/text.h"
#include "handover/conf.h"
#include "handover/gpu.h"
#include "handover/journal.h"
#include "handover/machine.h"
#include "handover/repair.h"
#include "host/names.h"
#include "host/processes/process.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

// Tells each step as it goes, to the terminal or for the JSON object.
void tell_steps(host::Log& log, const Options& options, ordered_json& steps) {
  log.listener = [&steps, json = options.json](int priority, const std::string& text) {
    if (priority <= LOG_ERR) return;  // told at the end, with the hint
    if (json)
      steps.push_back(text);
    else
      std::printf("  %s%s\n", priority <= LOG_WARNING ? "warning: " : "", printable(text).c_str());
    std::fflush(stdout);
  };
}

int finish(const Options& options, host::Log& log, ordered_json object, ordered_json steps,
           const std::vector<Error>& errors) {
  for (const auto& e : errors) log.error(e.message);
  if (options.json) {
    object["ok"] = errors.empty();
    object["steps"] = std::move(steps);
    object["errors"] = to_json(errors);
    if (!errors.empty()) object["error"] = to_json(errors.front());
    print_json(object);
  }
  print_errors(errors);
  return errors.empty() ? done : refused;
}

// What the guest's conf names; its XML may be gone by now.
std::vector<PciAddress> conf_addresses(const host::Host& host, const std::string& guest) {
  std::vector<PciAddress> addresses;
  const std::string path = host.path(names::guest_conf(guest));
  const auto text = config::load(path);
  if (!text) return addresses;
  if (const auto conf = config::parse_guest_conf(*text, path))
    for (const auto& d : conf->devices) addresses.push_back(d.address);
  return addresses;
}

}  // namespace

int detach(const host::Host& host, const Options& options) {
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  host::Log log(host, options.guest);
  handover::Machine machine(host, *host_conf, log);
  const auto loaded = load_guest(host, options, *host_conf, Conf::sync);
  if (!loaded) return failed(options, loaded.error());
  if (loaded->conf.not_saved) print_warning(loaded->conf.not_saved->message);
  const auto& guest = loaded->guest;
  ordered_json steps = ordered_json::array();
  tell_steps(log, options, steps);
  const auto errors = handover::prepare(machine.ports, guest);
  const auto now = handover::make_guest(loaded->domain, loaded->conf.synced.conf, machine.ports.host);
  return finish(options, log, to_json(now, handover::measure_gpu(host, guest).kind), std::move(steps),
                errors);
}

int reattach(const host::Host& host, const Options& options) {
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  host::Log log(host, options.guest);
  handover::Machine machine(host, *host_conf, log);
  ordered_json steps = ordered_json::array();
  tell_steps(log, options, steps);
  const bool journal = handover::has_journal(host, options.guest);
  const auto addresses = conf_addresses(host, options.guest);
  if (!journal && addresses.empty())
    return failed(
        options,
        {ErrorKind::not_found,
         "the guest " + in_quotes(options.guest) + " is unknown: it has neither a journal nor a conf",
         "see " + host.path(names::guest_conf_folder) + " and " + host.path(names::run_folder)});
  const auto errors = handover::repair(machine.ports, options.guest, addresses);
  if (errors.empty() && !options.json && !journal)
    std::printf("  nothing was left over from %s\n", printable(options.guest).c_str());
  return finish(options, log, {{"guest", options.guest}}, std::move(steps), errors);
}

}  // namespace qh::cli
