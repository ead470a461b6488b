// Measure, check, plan: what a start of the guest would report and do. `prepare`, --check, --plan and
// --setup all make this one call, so they cannot differ.
#pragma once

#include "handover/checks/checks.h"
#include "handover/plan.h"
#include "handover/survey.h"

namespace qh::handover {

struct Assessment {
  Survey survey;
  std::vector<Finding> findings;
  Plan plan;

  bool would_work() const { return !has_errors(findings); }
};

// Changes nothing.
inline Assessment assess(const host::Host& host, const host::Services& services, Guest guest) {
  Assessment a{survey(host, services, std::move(guest)), {}, {}};
  a.findings = check(a.survey);
  a.plan = make_plan(a.survey);
  return a;
}

}  // namespace qh::handover
