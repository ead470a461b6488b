// qemu-hook --plan GUEST
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/load_guest.h"
#include "cli/output.h"
#include "core/text.h"
#include "handover/conf.h"
#include "handover/gpu.h"
#include "handover/handover.h"
#include "handover/machine.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

// What undoes each step, last first.
std::vector<handover::PlannedStep> release_of(const handover::Plan& plan) {
  return {plan.rbegin(), plan.rend()};
}

void print_steps(const char* title, const std::vector<std::vector<std::string>>& rows) {
  std::printf("%s\n%s", title, rows.empty() ? "  nothing to do\n" : table(rows).c_str());
}

}  // namespace

int plan(const std::string& root, const Options& options) {
  const auto host_conf = handover::load_host_conf(root);
  if (!host_conf) return print_errors({host_conf.error()}), refused;
  host::Log log(root, options.guest);
  handover::Machine machine(root, *host_conf, log);
  const auto loaded = load_guest(root, options, machine.sysfs, Conf::read_only);
  if (!loaded) return refused;
  const auto& guest = loaded->guest;
  const auto findings = handover::check(handover::survey(root, machine.sysfs, guest));
  const bool ok = !handover::has_errors(findings);
  const auto steps = handover::plan(machine.ports, guest);
  if (!steps) return print_errors({steps.error()}), refused;

  ordered_json prepare = ordered_json::array(), release = ordered_json::array();
  std::vector<std::vector<std::string>> prepare_rows, release_rows;
  for (const auto& s : *steps) {
    prepare.push_back({{"step", describe(s.step)}, {"reason", s.reason}});
    prepare_rows.push_back({std::to_string(prepare_rows.size() + 1) + ".", describe(s.step), s.reason});
  }
  for (const auto& s : release_of(*steps)) {
    const std::string text = describe_undo(s.step);
    if (text.empty()) continue;
    release.push_back({{"step", text}});
    release_rows.push_back({std::to_string(release_rows.size() + 1) + ".", text});
  }
  if (options.json) {
    auto object = to_json(guest, handover::gpu_kind(root, machine.sysfs, guest));
    object["ok"] = ok;
    object["prepare"] = std::move(prepare);
    object["release"] = std::move(release);
    object["findings"] = to_json(findings);
    print_json(object);
    return ok ? done : refused;
  }
  if (!ok)
    std::printf("%s: a start would be refused\n%s\n", printable(guest.name).c_str(),
                finding_lines(findings).c_str());
  print_steps("at the start of the guest:", prepare_rows);
  print_steps("at its end:", release_rows);
  return ok ? done : refused;
}

}  // namespace qh::cli
