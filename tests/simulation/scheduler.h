// Who goes on, and when: simulated processes take turns in one real thread, in a time of their own.
//
// A task is a fiber. It runs until it waits, or until its schedule makes it stall; then another one goes on.
// Time passes with what tasks do, a little at each act, and jumps when all of them wait. So one schedule is
// one story, the same each time, and a minute costs nothing.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace qh::simulation {

using Time = std::int64_t;  // microseconds since the simulated host's boot
inline constexpr Time ms = 1000, second = 1'000'000;
inline constexpr Time never = std::numeric_limits<Time>::max() / 4;

struct Task {
  // What the fiber is. A process runs the program's code, and libvirt or a person waits for it; a helper is a
  // child of one, with a deadline, and may hang; all else is the world.
  enum class Kind { world, process, helper };

  std::string name;  // unique: stories and schedules name it
  Kind kind = Kind::world;
  int pid = 0;
  int parent = 1;
  Task* of = nullptr;  // of a helper: its process
  std::string guest;   // that it works for
  std::string input;   // stdin
  int status = -1;     // its exit status; -1: it did not exit
  bool ended = false;
  bool dying = false;        // killed, and dies when it comes back from the kernel
  bool in_kernel = false;    // waits where no signal reaches it
  bool detached = false;     // nobody waits for it any more
  bool outlives = false;     // of a helper: it goes on when its process is killed
  Task* asked_by = nullptr;  // of a worker of libvirtd: the process for which it works
  int in_world = 0;          // its system calls are the model's own, not the program's
  long acts = 0;             // of a process, its helpers' included
  long acts_at_plug = 0;     // how many it had when a guest last had a device plugged in
  Time began = 0;
  Time stalled = 0;  // by the schedule, which is not its own fault
  std::set<int> files;
  std::function<void()> at_end;

  // The scheduler's own.
  std::function<void()> work;
  std::function<bool()> until;
  bool waits = false;
  Time wake = never;
  std::uint64_t turns = 0;
  std::unique_ptr<char[]> stack;
  ucontext_t context{};
  void* exceptions[2] = {nullptr, nullptr};  // of the C++ library, by fiber

  Task& process() { return of != nullptr ? *of : *this; }
  const Task& process() const { return of != nullptr ? *of : *this; }
};

class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed) : seed_(seed) {}
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Task& spawn(const std::string& name, Task::Kind kind, std::function<void()> work);
  // Lets tasks run until all wait for ever, have ended, or stop() was called.
  void run();
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  Task* current() const { return current_; }
  Time now() const { return now_; }
  void pass(Time time) { now_ += time; }

  // Of the current task: until `until` holds (true) or the time has come (false). `next`: who goes on first.
  bool wait(std::function<bool()> until, Time deadline, Task* next = nullptr);
  void sleep(Time duration) { wait({}, now_ + duration); }
  // Lets whoever is due go on.
  void yield_if_due() {
    if (now_ >= due_) give_way();
  }
  void give_way();

  // Ends a task for good: it never runs again, and nothing of it is destroyed, as with SIGKILL. Its files are
  // closed. One that the kernel holds ends when it comes back. The current task does not return from this.
  void kill(Task& task);
  // The same for the process and its helpers.
  void kill_process(Task& process);

  const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_; }

 private:
  static void enter(unsigned low, unsigned high);
  Task* pick(Task* next);
  void switch_to(Task* task);
  void end(Task& task);

  std::uint64_t seed_;
  Time now_ = 0;
  Time due_ = never;  // when the next task that sleeps wants to go on
  bool stopped_ = false;
  Task* current_ = nullptr;
  ucontext_t main_{};
  void* main_exceptions_[2] = {nullptr, nullptr};
  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<Task*> alive_;
};

// A number that looks random, the same each time.
std::uint64_t mixed(std::uint64_t value);
std::uint64_t mixed(std::uint64_t seed, const std::string& text);

}  // namespace qh::simulation
