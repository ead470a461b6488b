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
Assessment assess(const host::Host& host, const host::Services& services, Guest guest);

}  // namespace qh::handover
