// Plays schedules: those of found/, and then as many from seeds as are asked for. One that breaks an
// invariant is told as a story, cut down to the shortest that still does.
//
//   simulation [--seeds N] [--from K] [--jobs J] [--until-found]   the last line has the numbers
//   simulation --seed K                                            the story of one, whole
//   simulation FILE...                                             the stories of schedules in files
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/text.h"
#include "host/host.h"
#include "host/pci/pci_ids.h"
#include "simulation/story.h"

using namespace qh;
using namespace qh::simulation;

namespace {

// What the program prints by itself (--reattach) goes nowhere.
std::FILE* own_output() {
  static std::FILE* const out = [] {
    std::FILE* const kept = ::fdopen(::dup(STDOUT_FILENO), "w");
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    return kept;
  }();
  return out;
}

void say(const std::string& text) {
  std::fputs(text.c_str(), own_output());
  std::fflush(own_output());
}

struct Wanted {
  std::uint64_t from = 1, seeds = 400;
  int jobs = 1;
  bool until_found = false;
};

struct Sum {
  Counts counts;
  long findings = 0;
  std::uint64_t first_found = 0;
};

void tell_finding(std::uint64_t seed, const Outcome& outcome) {
  const Scenario scenario = shortest(outcome.played, outcome.finding->rule);
  say("FAIL seed " + std::to_string(seed) + ": " + told(scenario) + "\n");
}

// What was killed is never cleaned up, and what it had in memory is lost: a process for each batch bounds
// that.
constexpr std::uint64_t batch_size = 500;

Sum play_batch(std::uint64_t from, std::uint64_t to, bool until_found, std::map<std::string, int>& rules) {
  Sum sum;
  for (std::uint64_t seed = from; seed < to; ++seed) {
    const auto outcome = play(make_scenario(seed));
    sum.counts += outcome.counts;
    if (!outcome.finding) continue;
    if (++sum.findings == 1) sum.first_found = seed;
    // A few stories a rule are enough.
    if (++rules[outcome.finding->rule] <= 2) tell_finding(seed, outcome);
    if (until_found) break;
  }
  return sum;
}

Sum in_process(std::uint64_t from, std::uint64_t to, bool until_found) {
  int ends[2];
  if (::pipe(ends) < 0) std::abort();
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::map<std::string, int> rules;
    const Sum sum = play_batch(from, to, until_found, rules);
    ::_exit(::write(ends[1], &sum, sizeof sum) == sizeof sum ? 0 : 1);
  }
  ::close(ends[1]);
  Sum sum;
  const bool told = ::read(ends[0], &sum, sizeof sum) == sizeof sum;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (told && status == 0) return sum;
  say("FAIL the simulation itself ended early, at one of the seeds " + std::to_string(from) + " to " +
      std::to_string(to - 1) + "\n");
  sum.findings = 1;
  return sum;
}

// Jobs take every J-th batch.
Sum play_seeds(const Wanted& wanted) {
  Sum all;
  std::vector<int> results;
  for (int job = 0; job < wanted.jobs; ++job) {
    int ends[2];
    if (::pipe(ends) < 0) std::abort();
    if (::fork() == 0) {
      Sum sum;
      const auto step = batch_size * static_cast<std::uint64_t>(wanted.jobs);
      for (auto from = wanted.from + batch_size * static_cast<std::uint64_t>(job);
           from < wanted.from + wanted.seeds; from += step) {
        const Sum batch =
            in_process(from, std::min(from + batch_size, wanted.from + wanted.seeds), wanted.until_found);
        sum.counts += batch.counts;
        sum.findings += batch.findings;
        if (sum.first_found == 0) sum.first_found = batch.first_found;
        if (wanted.until_found && sum.findings > 0) break;
      }
      ::_exit(::write(ends[1], &sum, sizeof sum) == sizeof sum ? 0 : 1);
    }
    ::close(ends[1]);
    results.push_back(ends[0]);
  }
  for (const int result : results) {
    Sum sum;
    if (::read(result, &sum, sizeof sum) != sizeof sum) ++all.findings;
    ::close(result);
    all.counts += sum.counts;
    all.findings += sum.findings;
    if (sum.first_found != 0 && (all.first_found == 0 || sum.first_found < all.first_found))
      all.first_found = sum.first_found;
  }
  while (::wait(nullptr) > 0) {
  }
  return all;
}

std::string lines(const std::vector<std::string>& story) {
  return join(story, "\n");
}

// One seed is one story, and so is what it came down to.
bool same_each_time() {
  bool same = true;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto once = play(make_scenario(seed), true), again = play(make_scenario(seed), true);
    const auto written = parse_scenario(to_text(once.played));
    const bool is_same = lines(once.story) == lines(again.story) && written &&
                         lines(play(*written, true).story) == lines(once.story);
    if (!is_same) {
      const auto differs = std::ranges::mismatch(once.story, again.story);
      say("FAIL seed " + std::to_string(seed) + " is another story each time" +
          (differs.in1 == once.story.end() || differs.in2 == again.story.end()
               ? "\n"
               : ", from\n" + *differs.in1 + "\nto\n" + *differs.in2 + "\n"));
    }
    same = same && is_same;
  }
  return same;
}

// Each once broke an invariant, and must not any more.
bool found_stay_mended(const std::string& folder) {
  bool mended = true;
  for (const auto& name : list_folder(folder)) {
    const auto scenario = read_file(folder + "/" + name).and_then(parse_scenario);
    if (!scenario) {
      say("FAIL " + name + ": " + scenario.error().message + "\n");
      mended = false;
      continue;
    }
    if (!play(*scenario).finding) continue;
    say("FAIL " + name + ": " + told(*scenario) + "\n");
    mended = false;
  }
  return mended;
}

}  // namespace

int main(int argc, char** argv) {
  (void)own_output();
  (void)host::pci_name(
      host::RealHost(""),
      "8086:10d3 8086:0000 020000");  // reads its file once, and not in the first of the schedules
  Wanted wanted;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (argument == "--seeds")
      wanted.seeds = number();
    else if (argument == "--from")
      wanted.from = number();
    else if (argument == "--jobs")
      wanted.jobs = std::max(1, static_cast<int>(number()));
    else if (argument == "--until-found")
      wanted.until_found = true;
    else if (argument == "--seed")
      return say(told(make_scenario(number()))), 0;
    else if (argument.starts_with("--"))
      return say("usage: simulation [--seeds N] [--from K] [--jobs J] [--until-found] | --seed K | "
                 "FILE...\n"),
             2;
    else
      files.push_back(argument);
  }
  for (const auto& file : files) {
    const auto scenario = read_file(file).and_then(parse_scenario);
    say(scenario ? told(*scenario) : scenario.error().message + "\n");
  }
  if (!files.empty()) return 0;

  const bool sound = same_each_time() && found_stay_mended(QH_FOUND_SCHEDULES);
  const Sum sum = play_seeds(wanted);
  if (sum.first_found != 0) say("the first finding is of seed " + std::to_string(sum.first_found) + "\n");
  const Counts& c = sum.counts;
  say(std::to_string(c.schedules) + " schedules, " + std::to_string(c.acts) + " acts, " +
      std::to_string(c.starts) + " starts, " + std::to_string(c.refused) + " refused or failed; " +
      std::to_string(c.stalls) + " stalls, " + std::to_string(c.killed) + " killed, " +
      std::to_string(c.failed) + " failed acts, " + std::to_string(c.hung) + " hung; " +
      std::to_string(sum.findings) + " findings\n");
  return sound && sum.findings == 0 ? 0 : 1;
}
