#include "simulation/story.h"

#include <algorithm>

namespace qh::simulation {
namespace {

bool breaks(const Scenario& scenario, const std::string& rule) {
  const auto outcome = play(scenario);
  return outcome.finding && outcome.finding->rule == rule;
}

// Leaves out of `part` what `scenario` breaks the rule without: halves first, then ever smaller pieces.
template <class Part>
bool shorten(Scenario& scenario, Part Scenario::*part, const std::string& rule) {
  bool any = false;
  for (std::size_t size = std::max<std::size_t>((scenario.*part).size() / 2, 1); size > 0; size /= 2) {
    for (std::size_t at = 0; at < (scenario.*part).size();) {
      Scenario shorter = scenario;
      auto& left = shorter.*part;
      const auto from = std::next(left.begin(), static_cast<long>(at));
      left.erase(from, std::next(from, static_cast<long>(std::min(size, left.size() - at))));
      if (breaks(shorter, rule)) {
        scenario = std::move(shorter);
        any = true;
      } else {
        at += size;
      }
    }
  }
  return any;
}

// Guests of whom nothing is told, and devices that they do not need.
bool shorten_guests(Scenario& scenario, const std::string& rule) {
  bool any = false;
  const auto try_it = [&](Scenario shorter) {
    if (!breaks(shorter, rule)) return false;
    scenario = std::move(shorter);
    return any = true;
  };
  for (std::size_t i = scenario.guests.size(); i-- > 0;) {
    const std::string name = scenario.guests[i].name;
    Scenario shorter = scenario;
    shorter.guests.erase(shorter.guests.begin() + static_cast<long>(i));
    std::erase_if(shorter.events, [&](const Event& e) { return e.guest == name; });
    if (!shorter.guests.empty() && try_it(std::move(shorter))) continue;
    for (std::size_t k = scenario.guests[i].devices.size();
         k-- > 0 && scenario.guests[i].devices.size() > 1;) {
      shorter = scenario;
      shorter.guests[i].devices.erase(shorter.guests[i].devices.begin() + static_cast<long>(k));
      (void)try_it(std::move(shorter));
    }
  }
  return any;
}

void simplify(Scenario& scenario, const std::string& rule) {
  const auto try_it = [&](auto change) {
    Scenario simpler = scenario;
    change(simpler);
    if (breaks(simpler, rule)) scenario = std::move(simpler);
  };
  try_it([](Scenario& s) { s.dispatcher = false; });
  try_it([](Scenario& s) { s.launch = 0; });
  try_it([](Scenario& s) { s.graphics = false; });
  try_it([](Scenario& s) { s.reset = "none"; });
  try_it([](Scenario& s) { s.backend = "auto"; });
}

}  // namespace

Outcome play(const Scenario& scenario, bool tells) {
  Run run(scenario, tells);
  run.play();
  Outcome outcome{run.scenario, run.finding, std::move(run.story), run.counts};
  outcome.played.by_chance = false;
  return outcome;
}

Scenario shortest(const Scenario& failing, const std::string& rule) {
  Scenario scenario = failing;
  scenario.by_chance = false;
  if (!breaks(scenario, rule)) return failing;  // chance alone makes it
  for (bool any = true; any;) {
    any = shorten(scenario, &Scenario::stalls, rule);
    any = shorten(scenario, &Scenario::troubles, rule) || any;
    any = shorten(scenario, &Scenario::events, rule) || any;
    any = shorten_guests(scenario, rule) || any;
  }
  simplify(scenario, rule);
  return scenario;
}

std::string told(const Scenario& scenario) {
  const auto outcome = play(scenario, true);
  std::string text = outcome.finding ? outcome.finding->rule + ": " + outcome.finding->text + "\n\n"
                                     : "nothing is found\n\n";
  text += to_text(outcome.played) + "\n";
  for (const auto& line : outcome.story) text += line + "\n";
  return text;
}

}  // namespace qh::simulation
