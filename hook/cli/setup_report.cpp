#include "cli/setup_report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "core/text.h"
#include "handover/assessment.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

void print_line(const char* what, const std::vector<PciAddress>& addresses) {
  if (!addresses.empty()) std::printf("  %-9s %s\n", what, join(texts(addresses)).c_str());
}

}  // namespace

SetupReport report_setup(const host::Host& host, const config::HostConf& host_conf, const Options& options,
                         LoadedGuest loaded) {
  SetupReport report{.loaded = std::move(loaded), .findings = {}, .desktop = {}};
  const bool changed = report.loaded.conf.synced.changed;
  report.wrote = changed && host_conf.write_confs && !options.dry_run;
  report.did = !changed                 ? "nothing to change in"
               : options.dry_run        ? "would write"
               : !host_conf.write_confs ? "not written, since host.toml says write_confs = false:"
                                        : "wrote";
  const auto& guest = report.loaded.guest;
  if (!guest.devices.empty()) {
    auto assessment = assess_start(host, guest);
    report.findings = std::move(assessment.findings);
    report.gpu = assessment.survey.gpu.kind;
    if (const auto& screen = assessment.survey.screen) report.desktop = screen->sentences(guest.name);
  }
  return report;
}

void print_setup(const host::Host& host, const SetupReport& report) {
  const auto& guest = report.loaded.guest;
  const auto& s = report.loaded.conf.synced;
  std::printf("%s: %s %s\n", printable(guest.name).c_str(), report.did, report.loaded.conf.path.c_str());
  print_line("added", s.added);
  print_line("kept", s.kept);
  print_line("dropped", s.dropped);
  print_line("accepted", s.accepted);
  if (guest.devices.empty()) {
    std::printf("The guest uses no PCI device of this host; there is nothing to hand over.\n");
    return;
  }
  std::printf("\n%s\nGPU: %s\n", device_table(host, guest).c_str(), config::to_string(report.gpu));
  for (const auto& line : report.desktop) std::fputs(paragraph(line, 2).c_str(), stdout);
  std::printf("%s%s", report.ok() ? "A start would work.\n" : "A start would be refused:\n",
              finding_lines(report.findings).c_str());
}

ordered_json to_json(const host::Host& host, const SetupReport& report) {
  const auto& s = report.loaded.conf.synced;
  auto object = to_json(host, report.loaded.guest, report.gpu);
  object["conf"] = report.loaded.conf.path;
  object["changed"] = s.changed;
  object["added"] = texts(s.added);
  object["kept"] = texts(s.kept);
  object["dropped"] = texts(s.dropped);
  object["accepted"] = texts(s.accepted);
  object["desktop"] = report.desktop;
  object["ok"] = report.ok();
  object["findings"] = to_json(report.findings);
  return object;
}

}  // namespace qh::cli
