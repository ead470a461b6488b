// qemu-hook --plan GUEST
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/load_guest.h"
#include "cli/output.h"
#include "core/text.h"

namespace qh::cli {
namespace {

using nlohmann::ordered_json;

// What undoes each step, last first.
std::vector<handover::PlannedStep> release_of(const handover::Plan& plan) {
  return {plan.rbegin(), plan.rend()};
}

struct PlanLine {
  std::string step;
  std::string reason;  // may be empty
};

void print_lines(const char* title, const std::vector<PlanLine>& lines) {
  std::printf("%s\n", title);
  if (lines.empty()) std::printf("  nothing to do\n");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::fputs(paragraph(std::to_string(i + 1) + ". " + lines[i].step, 2).c_str(), stdout);
    if (!lines[i].reason.empty()) std::fputs(paragraph(lines[i].reason, 6).c_str(), stdout);
  }
}

}  // namespace

Exit plan(const host::Host& host, const Options& options) {
  const auto assessed = assess_guest(host, options);
  if (!assessed) return failed(options, assessed.error());
  const auto& assessment = *assessed;
  const auto& guest = assessment.survey.guest;
  const auto& findings = assessment.findings;
  const bool ok = assessment.would_work();

  ordered_json prepare = ordered_json::array(), release = ordered_json::array();
  std::vector<PlanLine> prepare_lines, release_lines;
  for (const auto& s : assessment.plan) {
    prepare.push_back({{"step", describe(s.step)}, {"reason", s.reason}});
    prepare_lines.push_back({describe(s.step), s.reason});
  }
  for (const auto& s : release_of(assessment.plan)) {
    const std::string text = describe_undo(s.step);
    if (text.empty()) continue;
    release.push_back({{"step", text}});
    release_lines.push_back({text, ""});
  }
  if (options.json) {
    auto object = to_json(host, guest, assessment.survey.gpu.kind);
    object["ok"] = ok;
    object["prepare"] = std::move(prepare);
    object["release"] = std::move(release);
    object["findings"] = to_json(findings);
    print_json(object);
    return done_if(ok);
  }
  if (!findings.empty())
    std::printf("%s: %s\n%s\n", printable(guest.name).c_str(),
                ok ? "a start would work, but" : "a start would be refused", finding_lines(findings).c_str());
  print_lines("at the start of the guest:", prepare_lines);
  print_lines("at its end:", release_lines);
  return done_if(ok);
}

}  // namespace qh::cli
