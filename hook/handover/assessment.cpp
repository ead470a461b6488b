#include "handover/assessment.h"

namespace qh::handover {

Assessment assess(const host::Host& host, const host::Services& services, Guest guest) {
  Assessment a{survey(host, services, std::move(guest)), {}, {}};
  a.findings = check(a.survey);
  a.plan = make_plan(a.survey);
  return a;
}

}  // namespace qh::handover
