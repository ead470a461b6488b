// One run of a scenario: the simulated host, what happens on it, and what is found wrong.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulation/host_model.h"
#include "simulation/libvirtd.h"
#include "simulation/scenario.h"
#include "simulation/scheduler.h"

namespace qh::simulation {

// Something that must not be. `rule` is short and the same each time, `text` has the circumstances.
struct Finding {
  std::string rule;
  std::string text;
};

struct Counts {
  long schedules = 0, acts = 0, starts = 0, refused = 0;
  long killed = 0, failed = 0, hung = 0, stalls = 0;
  Counts& operator+=(const Counts& other);
};

struct Run {
  explicit Run(const Scenario& scenario, bool tells);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void play();

  Scenario scenario;  // troubles and stalls as they came up are added
  Scheduler scheduler;
  HostModel host;
  Libvirtd libvirtd;
  std::vector<Guest> guests;

  std::optional<Finding> finding;  // the first ends the run
  void find(const std::string& rule, const std::string& text);

  // The story, a line an act.
  std::vector<std::string> story;
  bool tells() const { return tells_; }
  void tell(const std::string& line) {
    if (tells_) write_line(line);
  }

  // The program acts. Others may go on before it does, it may be killed, or the act is to fail or to hang.
  enum class Weight { plain, telling };
  std::optional<Trouble> act(Weight weight, bool can_fail = false, bool can_hang = false);

  // For a helper that comes back from the kernel, and whose process has given it up.
  void die_if_killed();

  // Runs the program as a process, and waits until it ends. Gives its exit status, -1 if it was killed.
  int run_program(const std::string& name, const std::string& guest, int parent, const std::string& input,
                  std::function<int()> program);
  int command(const std::string& option, const std::string& guest);
  int new_pid() { return next_pid_++; }

  Guest& guest(const std::string& name);
  // Why the guest's journal may have stayed: something of it failed or was killed, or it was detached by
  // hand.
  std::set<std::string> excused;
  void excuse(const Task& process);
  // Guests whose last start could not look at some process, and said so.
  std::set<std::string> saw_not_all;
  // How a device may stand when nobody uses it; more than one where a user's change met a hand-over.
  std::map<std::string, std::set<std::string>> expected;
  std::string screen;             // the desktop and the consoles, as they were
  bool took_the_desktop = false;  // libvirtd, all by itself

  Counts counts;

 private:
  void write_line(const std::string& line);
  void happen(const Event& event);
  void be_quiet();  // time passes until nothing happens any more
  void end();       // all guests end, and what is left over is given back by hand

  bool tells_;
  bool quiet_ = false;  // no more troubles and stalls
  std::uint64_t chance_;
  int next_pid_ = 1000;
  std::map<std::string, int> names_;
};

// The one that is being played.
extern Run* playing;

}  // namespace qh::simulation
