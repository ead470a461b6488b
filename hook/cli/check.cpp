// qemu-hook --check [GUEST]
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/load_guest.h"
#include "cli/output.h"
#include "core/text.h"
#include "handover/readiness.h"
#include "handover/trial.h"

namespace qh::cli {
namespace {

Exit check_this_host(const host::Host& host, const Options& options) {
  const auto findings = handover::check_host(host);
  const bool ok = !handover::has_errors(findings);
  const auto trial = handover::last_trial(host);
  const std::string context = trial ? trial->context : "";
  if (options.json) {
    nlohmann::ordered_json object{{"ok", ok}, {"findings", to_json(findings)}};
    if (!context.empty()) object["context"] = context;
    print_json(object);
    return done_if(ok);
  }
  std::printf("this host: %s\n%s",
              findings.empty() ? "ready"
              : ok             ? "ready, but"
                               : "not ready",
              finding_lines(findings).c_str());
  if (!context.empty()) std::printf("when libvirt calls the hook, its context is %s\n", context.c_str());
  return done_if(ok);
}

// Of those of the guest's devices that are to be reserved. What keeps one from being in force is a finding.
nlohmann::ordered_json reservations(const handover::Survey& survey,
                                    const std::vector<handover::Finding>& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& d : survey.guest.devices) {
    const auto state = d.use.reservation;
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

Exit check(const host::Host& host, const Options& options) {
  if (options.guest.empty()) return check_this_host(host, options);
  const auto assessed = assess_guest(host, options);
  if (!assessed) return failed(options, assessed.error());
  const auto& assessment = *assessed;
  const auto& guest = assessment.survey.guest;
  const auto& findings = assessment.findings;
  const auto& gpu = assessment.survey.gpu;
  const bool ok = assessment.would_work();
  if (options.json) {
    auto object = to_json(host, guest, gpu.kind);
    object["ok"] = ok;
    object["findings"] = to_json(findings);
    object["reservations"] = reservations(assessment.survey, findings);
    print_json(object);
    return done_if(ok);
  }
  if (!guest.devices.empty()) std::printf("%s\n", device_table(host, guest).c_str());
  for (const auto& line : gpu.sentences) std::fputs(paragraph(line, 2).c_str(), stdout);
  for (const auto& r : reservations(assessment.survey, findings))
    if (r["in_force"] == true)
      std::printf("  %s is reserved (%s), in force: no desktop uses it.\n",
                  r["device"].get<std::string>().c_str(), r["level"].get<std::string>().c_str());
  std::printf("%s: %s\n%s", printable(guest.name).c_str(),
              ok ? "a start would work" : "a start would be refused", finding_lines(findings).c_str());
  return done_if(ok);
}

}  // namespace qh::cli
