// Runs work that may never return in a process of its own, with a deadline.
//
// A write to a driver's `unbind` and a call of libvirt have no time limit of their own. In a child they can
// be given up: it is killed, and where even that does not help (the kernel holds it), it is left behind. It
// inherits neither stdin, stdout nor stderr, since libvirt waits for the end of the hook's output for ever,
// nor any lock, since a child that is left behind would hold it.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/deadline.h"
#include "core/file.h"
#include "core/result.h"

namespace qh::host {

// The error for what was not finished in time; `stuck_pid` is the child that could not be killed, or 0.
Error too_late(const std::string& what, Milliseconds timeout, int stuck_pid);

// Runs `work` in a child and gives its result. `what` names it in the error if the deadline passes
// (timed_out; stuck_pid is set if the child could not be killed).
Result<std::string> run_in_child(const std::string& what, Milliseconds timeout,
                                 const std::function<Result<std::string>()>& work);

// Runs `work` in a process of its own and returns at once. Nobody waits for that process, and it outlives
// this one.
Result<void> run_detached(const std::function<void()>& work);

// Runs a program (argv[0] an absolute path) without a shell, with an empty environment but PATH. What it
// prints comes back; an exit status other than 0 is a failure that quotes it. A service that it leaves behind
// may keep its output open: what is waited for is the end of the program itself.
Result<std::string> run_program(const std::vector<std::string>& argv, Milliseconds timeout);

// The same with a program of the host, wherever its distribution has it. not_found: it is not installed.
Result<std::string> run_tool(const std::string& name, std::vector<std::string> arguments,
                             Milliseconds timeout);

// A child that tells what it finds piece by piece. It is ended with the object.
class Child {
 public:
  using Tell = std::function<void(const std::string& message)>;
  static Result<Child> start(const std::function<void(const Tell&)>& work);

  Child(Child&& other) noexcept : fd_(std::move(other.fd_)), pid_(std::exchange(other.pid_, 0)) {}
  Child& operator=(Child&&) = delete;
  ~Child() { end(); }  // one that the kernel holds is left behind

  void tell(const std::string& message) const;
  // timed_out: it told nothing for so long. unavailable: it has ended.
  Result<std::string> hear(Milliseconds patience) const;
  int pid() const;
  // Nobody listens to it any more; it ends when its work does.
  void leave();
  // Gives its pid if the kernel does not let it end in time.
  int end(Milliseconds patience = Milliseconds{1500});
  bool has_ended() const { return pid_ == 0; }

  // For the child's own work: what this object tells it next. unavailable: its parent is gone.
  static Result<std::string> next_from_parent();
  // The same: from now on it does not end because its parent is killed.
  static void outlive_parent();

 private:
  Child(Fd fd, int pid) : fd_(std::move(fd)), pid_(pid) {}
  Fd fd_;
  int pid_;
};

// A child that answers questions, one at a time, for as long as the object lives.
class Servant {
 public:
  // `answer` runs in the child for each question.
  using Answer = std::function<Result<std::string>(const std::string& question)>;
  static Result<Servant> start(const Answer& answer);

  // What becomes of a child that did not answer in time.
  enum class Overdue { is_ended, waits_on };

  // timed_out: no answer in time; later questions fail as unavailable.
  Result<std::string> ask(const std::string& what, const std::string& question, Milliseconds timeout,
                          Overdue overdue = Overdue::is_ended) {
    put(question);
    return answer(what, timeout, overdue);
  }
  // ask() in two halves: in between the child works, and this process does something else.
  void put(const std::string& question) {
    if (!has_given_up()) child_.tell(question);
  }
  Result<std::string> answer(const std::string& what, Milliseconds timeout,
                             Overdue overdue = Overdue::is_ended);
  int pid() const { return child_.pid(); }
  // The child has ended, was ended, or is waited for no longer: it answers no more.
  bool has_given_up() const { return child_.has_ended(); }

 private:
  explicit Servant(Child child) : child_(std::move(child)) {}
  Child child_;
};

}  // namespace qh::host
