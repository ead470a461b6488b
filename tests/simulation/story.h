// What is left of a schedule that breaks an invariant when all that need not be in it is taken out, and how
// it is told.
#pragma once

#include <optional>
#include <string>

#include "simulation/run.h"
#include "simulation/scenario.h"

namespace qh::simulation {

struct Outcome {
  Scenario played;  // with the troubles and stalls that came up
  std::optional<Finding> finding;
  std::vector<std::string> story;
  Counts counts;
};

Outcome play(const Scenario& scenario, bool tells = false);

// The shortest scenario that still breaks the same rule: guests, events, troubles and stalls are left out, as
// long as one can be.
Scenario shortest(const Scenario& failing, const std::string& rule);

// The finding, the scenario's text, and what happened, a line an act.
std::string told(const Scenario& scenario);

}  // namespace qh::simulation
