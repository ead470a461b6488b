// The program's children (hook/host/processes/child.h) as tasks of the simulation, in the place of child.cpp:
// they hang in the model's kernel, are given up, and are left behind there.
#include "host/processes/child.h"

#include <deque>
#include <map>
#include <memory>

#include "core/text.h"
#include "simulation/run.h"

namespace qh::simulation {
namespace {

struct Helper {
  Task* task = nullptr;
  std::deque<std::string> asked, told;
  bool is_left = false;
};
std::map<int, std::shared_ptr<Helper>> helpers;

Time from(Milliseconds time) {
  return time.count() * ms;
}

// Others see it for as long as it is there.
void show(Task& task) {
  playing->host.add_process(task.pid, task.process().pid, "qemu-hook", playing->scheduler.now());
  task.at_end = [pid = task.pid] { playing->host.end_process(pid); };
}

}  // namespace

void forget_helpers() {
  helpers.clear();
}

namespace {

std::shared_ptr<Helper> start_helper(std::function<void(Helper&)> work) {
  Task& parent = *playing->scheduler.current();
  const auto helper = std::make_shared<Helper>();
  Task& task = playing->scheduler.spawn(parent.process().name, Task::Kind::helper,
                                        [helper, work = std::move(work)] { work(*helper); });
  task.of = &parent.process();
  task.pid = playing->new_pid();
  helper->task = &task;
  helpers[task.pid] = helper;
  return helper;
}

std::shared_ptr<Helper> helper_of(int pid) {
  const auto found = helpers.find(pid);
  return found != helpers.end() ? found->second : nullptr;
}

}  // namespace
}  // namespace qh::simulation

namespace qh::host {

using namespace simulation;

Result<Child> Child::start(const std::function<void(const Tell&)>& work) {
  const auto helper = start_helper(
      [work](Helper& h) { work([&](const std::string& message) { h.told.push_back(message); }); });
  return Child(Fd(), helper->task->pid);
}

void Child::tell(const std::string& message) const {
  if (const auto helper = helper_of(pid_)) helper->asked.push_back(message);
}

Result<std::string> Child::hear(Milliseconds patience) const {
  const auto helper = helper_of(pid_);
  if (helper == nullptr) return fail(ErrorKind::unavailable, "");
  auto& scheduler = playing->scheduler;
  scheduler.wait([helper] { return !helper->told.empty() || helper->task->ended; },
                 scheduler.now() + from(patience), helper->task);
  if (!helper->told.empty()) {
    auto message = std::move(helper->told.front());
    helper->told.pop_front();
    return message;
  }
  return fail(helper->task->ended ? ErrorKind::unavailable : ErrorKind::timed_out, "");
}

Result<std::string> Child::next_from_parent() {
  const auto own = helper_of(playing->scheduler.current()->pid);
  const auto is_alone = [&own] { return own->is_left || own->task->process().ended; };
  playing->scheduler.wait([&] { return !own->asked.empty() || is_alone(); }, never);
  if (own->asked.empty()) return fail(ErrorKind::unavailable, "");
  std::string message = std::move(own->asked.front());
  own->asked.pop_front();
  return message;
}

int Child::pid() const {
  const auto helper = helper_of(pid_);
  if (helper != nullptr && !helper->task->at_end) show(*helper->task);
  return pid_;
}

void Child::outlive_parent() {
  playing->scheduler.current()->outlives = true;
}

void Child::leave() {
  helper_of(pid_)->is_left = true;
  fd_.reset();
  pid_ = 0;
}

int Child::end(Milliseconds patience) {
  const int pid = std::exchange(pid_, 0);
  if (pid == 0) return 0;
  const auto helper = helpers[pid];
  helpers.erase(pid);
  Task* const task = helper->task;
  auto& scheduler = playing->scheduler;
  if (task->ended) return 0;
  scheduler.kill(*task);
  if (task->ended) return 0;
  show(*task);
  return scheduler.wait([task] { return task->ended; }, scheduler.now() + from(patience)) ? 0 : pid;
}

// The process itself goes on as the new one, and whoever waits for it is told that it has ended.
Result<void> run_detached(const std::function<void()>& work) {
  Task& self = *playing->scheduler.current();
  self.status = 0;
  self.parent = 1;
  self.detached = true;
  playing->tell("goes on by itself");
  work();
  playing->scheduler.kill(self);
  return {};
}

Result<std::string> run_tool(const std::string& name, std::vector<std::string> arguments,
                             Milliseconds timeout) {
  if (name != "systemctl" && name != "modprobe" && name != "systemd-run")
    return fail(ErrorKind::not_found, name + " is not installed");
  const std::string what = name + " " + join(arguments, " ");
  playing->tell("runs " + what.substr(0, 80));
  return run_in_child(what, timeout, [name, arguments, what]() -> Result<std::string> {
    // A driver that is registered asks each device, under its lock (driver_attach in drivers/base/dd.c).
    Locks locks;
    if (name == "modprobe" && arguments.back() == "vfio-pci")
      for (const auto& address : playing->host.all_devices()) locks.push_back("device " + address);
    const auto trouble = playing->act(Run::Weight::telling, true, arguments[0] != "show");
    if (trouble && trouble->fault == Fault::fail)
      return fail(ErrorKind::failed, what + " failed (1): made to fail");
    playing->host.touch(locks, "runs " + what);
    playing->die_if_killed();
    if (trouble && name == "modprobe")
      playing->host.hang(locks, trouble->lasts, "runs " + what);
    else if (trouble)
      playing->scheduler.sleep(trouble->lasts);  // systemd takes its time; its client can be killed
    std::string output;
    (void)playing->host.run_tool(name, arguments, output);
    playing->die_if_killed();
    return output;
  });
}

Result<std::string> run_program(const std::vector<std::string>& argv, Milliseconds timeout) {
  return run_tool(argv[0].substr(argv[0].rfind('/') + 1), {argv.begin() + 1, argv.end()}, timeout);
}

}  // namespace qh::host
