// qemu-hook --check [GUEST]
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/load_guest.h"
#include "cli/output.h"
#include "core/text.h"
#include "handover/conf.h"
#include "handover/desktop_holders.h"
#include "handover/gpu.h"
#include "handover/handover.h"
#include "handover/machine.h"
#include "handover/readiness.h"

namespace qh::cli {
namespace {

int report(const std::string& what, const std::vector<handover::Finding>& findings) {
  const bool ok = !handover::has_errors(findings);
  std::printf("%s: %s\n%s", printable(what).c_str(), ok ? "a start would work" : "a start would be refused",
              finding_lines(findings).c_str());
  return ok ? done : refused;
}

int check_this_host(const host::Host& host, const Options& options) {
  const auto findings = handover::check_host(host);
  const bool ok = !handover::has_errors(findings);
  if (options.json) {
    print_json({{"ok", ok}, {"findings", to_json(findings)}});
    return ok ? done : refused;
  }
  std::printf("this host: %s\n%s",
              findings.empty() ? "ready"
              : ok             ? "ready, but"
                               : "not ready",
              finding_lines(findings).c_str());
  return ok ? done : refused;
}

// Of those of the guest's devices that are to be reserved. What keeps one from being in force is a finding.
nlohmann::ordered_json reservations(const host::Host& host, const handover::Guest& guest,
                                    const std::vector<handover::Finding>& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& d : guest.devices) {
    const auto state = handover::reservation(host, d);
    if (state == handover::Reservation::none) continue;
    const bool held = std::any_of(findings.begin(), findings.end(), [&](const auto& f) {
      return f.check == "holders" && f.device == d.address().text();
    });
    list.push_back({{"device", d.address().text()},
                    {"level", to_string(d.conf.reserve)},
                    {"in_force", state == handover::Reservation::in_force && !held}});
  }
  return list;
}

}  // namespace

int check(const host::Host& host, const Options& options) {
  if (options.guest.empty()) return check_this_host(host, options);
  const auto host_conf = handover::load_host_conf(host);
  if (!host_conf) return failed(options, host_conf.error());
  host::Log log(host, options.guest);
  handover::Machine machine(host, *host_conf, log);
  const auto loaded = load_guest(host, options, *host_conf, Conf::read_only);
  if (!loaded) return failed(options, loaded.error());
  const auto& guest = loaded->guest;
  const auto findings = handover::check(machine.ports, guest);
  const auto gpu = handover::gpu_kind(host, guest);
  const bool ok = !handover::has_errors(findings);
  if (options.json) {
    auto object = to_json(guest, gpu);
    object["ok"] = ok;
    object["findings"] = to_json(findings);
    object["reservations"] = reservations(host, guest, findings);
    print_json(object);
    return ok ? done : refused;
  }
  if (!guest.devices.empty()) std::printf("%s\n", device_table(guest).c_str());
  for (const auto& line : handover::gpu_reasons(host, guest)) std::fputs(paragraph(line, 2).c_str(), stdout);
  for (const auto& r : reservations(host, guest, findings))
    if (r["in_force"] == true)
      std::printf("  %s is reserved (%s), in force: no desktop uses it.\n",
                  r["device"].get<std::string>().c_str(), r["level"].get<std::string>().c_str());
  return report(guest.name, findings);
}

}  // namespace qh::cli
