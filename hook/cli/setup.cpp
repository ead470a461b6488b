// qemu-hook --setup GUEST
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/load_guest.h"
#include "cli/output.h"
#include "core/text.h"
#include "handover/checks.h"
#include "handover/conf.h"
#include "handover/gpu.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

ordered_json texts(const std::vector<PciAddress>& addresses) {
  ordered_json list = ordered_json::array();
  for (const auto& a : addresses) list.push_back(a.text());
  return list;
}

void print_line(const char* what, const std::vector<PciAddress>& addresses) {
  if (addresses.empty()) return;
  std::vector<std::string> all;
  for (const auto& a : addresses) all.push_back(a.text());
  std::printf("  %-9s %s\n", what, join(all).c_str());
}

}  // namespace

int setup(const std::string& root, const Options& options) {
  const host::RealSysfs sysfs(root);
  const auto loaded = load_guest(root, options, sysfs, Conf::sync_and_accept);
  if (!loaded) return refused;
  const auto& [domain, conf, guest] = *loaded;
  if (conf.not_saved) return print_errors({*conf.not_saved}), refused;
  const auto& s = conf.synced;
  const auto gpu = handover::gpu_kind(root, sysfs, guest);
  const auto survey = handover::survey(root, sysfs, guest);
  const auto findings = handover::check(survey);
  const bool ok = !handover::has_errors(findings);
  if (options.json) {
    auto object = to_json(guest, gpu);
    object["conf"] = conf.path;
    object["changed"] = s.changed;
    object["added"] = texts(s.added);
    object["kept"] = texts(s.kept);
    object["dropped"] = texts(s.dropped);
    object["accepted"] = texts(s.accepted);
    object["ok"] = ok;
    object["findings"] = to_json(findings);
    print_json(object);
    return done;
  }
  std::printf("%s: %s %s\n", printable(guest.name).c_str(), s.changed ? "wrote" : "nothing to change in",
              conf.path.c_str());
  print_line("added", s.added);
  print_line("kept", s.kept);
  print_line("dropped", s.dropped);
  print_line("accepted", s.accepted);
  if (guest.devices.empty()) {
    std::printf("The guest uses no PCI device of this host; there is nothing to hand over.\n");
    return done;
  }
  std::printf("\n%s\nGPU: %s\n", device_table(guest).c_str(), config::to_string(gpu));
  std::printf("%s%s", ok ? "A start would work.\n" : "A start would be refused:\n",
              finding_lines(findings).c_str());
  return done;
}

}  // namespace qh::cli
