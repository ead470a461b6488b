#include "simulation/scheduler.h"

#include <cxxabi.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace qh::simulation {
namespace {

constexpr std::size_t stack_size = 512U << 10U;
std::vector<std::unique_ptr<char[]>> free_stacks;

std::unique_ptr<char[]> take_stack() {
  if (free_stacks.empty()) return std::unique_ptr<char[]>(new char[stack_size]);
  auto stack = std::move(free_stacks.back());
  free_stacks.pop_back();
  return stack;
}

}  // namespace

std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

std::uint64_t mixed(std::uint64_t seed, const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return mixed(seed ^ hash);
}

Scheduler::~Scheduler() {
  for (const auto& task : tasks_) {
    for (const int fd : task->files) ::close(fd);
    if (task->stack) free_stacks.push_back(std::move(task->stack));
  }
}

Task& Scheduler::spawn(const std::string& name, Task::Kind kind, std::function<void()> work) {
  auto task = std::make_unique<Task>();
  task->name = name;
  task->kind = kind;
  task->work = std::move(work);
  task->began = now_;
  if (current_ != nullptr) task->guest = current_->guest;
  alive_.push_back(task.get());
  tasks_.push_back(std::move(task));
  return *tasks_.back();
}

void Scheduler::enter(unsigned low, unsigned high) {
  auto* self = reinterpret_cast<Scheduler*>((std::uintptr_t{high} << 32U) | low);
  self->current_->work();
  self->end(*self->current_);
  self->switch_to(self->pick(nullptr));
}

void Scheduler::end(Task& task) {
  task.ended = true;
  for (const int fd : std::exchange(task.files, {})) ::close(fd);
  std::erase(alive_, &task);
  if (task.at_end) task.at_end();
  // The current one still stands on its stack.
  if (&task != current_ && task.stack) free_stacks.push_back(std::move(task.stack));
}

Task* Scheduler::pick(Task* next) {
  if (stopped_) return nullptr;
  const auto is_runnable = [&](Task* t) { return !t->waits || t->wake <= now_ || (t->until && t->until()); };
  for (;;) {
    if (next != nullptr && !next->ended && is_runnable(next)) return next;
    Task* best = nullptr;
    std::uint64_t best_rank = 0;
    Time earliest = never;
    for (Task* t : alive_) {
      if (!is_runnable(t)) {
        earliest = std::min(earliest, t->wake);
        continue;
      }
      const std::uint64_t rank = mixed(seed_ + t->turns, t->name);
      if (best == nullptr || rank < best_rank) {
        best = t;
        best_rank = rank;
      }
    }
    due_ = earliest;
    if (best != nullptr) return best;
    if (earliest >= never) return nullptr;
    now_ = earliest;
  }
}

void Scheduler::switch_to(Task* task) {
  Task* before = current_;
  if (task == before && task != nullptr) return;
  current_ = task;
  void* const globals = abi::__cxa_get_globals();
  const auto exchange = [&](void** saved, void** loaded) {
    std::memcpy(saved, globals, sizeof main_exceptions_);
    std::memcpy(globals, loaded, sizeof main_exceptions_);
  };
  ucontext_t* from = before != nullptr ? &before->context : &main_;
  exchange(before != nullptr ? before->exceptions : main_exceptions_,
           task != nullptr ? task->exceptions : main_exceptions_);
  if (task == nullptr) {
    ::swapcontext(from, &main_);
    return;
  }
  ++task->turns;
  if (!task->stack) {
    task->stack = take_stack();
    ::getcontext(&task->context);
    task->context.uc_stack.ss_sp = task->stack.get();
    task->context.uc_stack.ss_size = stack_size;
    task->context.uc_link = nullptr;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    ::makecontext(&task->context, reinterpret_cast<void (*)()>(enter), 2, static_cast<unsigned>(self),
                  static_cast<unsigned>(self >> 32U));
  }
  ::swapcontext(from, &task->context);
}

void Scheduler::run() {
  if (Task* first = pick(nullptr)) switch_to(first);
}

bool Scheduler::wait(std::function<bool()> until, Time deadline, Task* next) {
  Task& self = *current_;
  if (until && until()) return true;
  self.until = std::move(until);
  self.wake = deadline;
  self.waits = true;
  switch_to(pick(next));
  self.waits = false;
  self.wake = never;
  const auto state = std::exchange(self.until, {});
  const bool holds = state && state();
  if (self.dying && !self.in_kernel) kill(self);
  return holds;
}

void Scheduler::give_way() {
  Task& self = *current_;
  switch_to(pick(nullptr));
  if (self.dying && !self.in_kernel) kill(self);
}

void Scheduler::kill(Task& task) {
  if (task.ended) return;
  if (task.in_kernel) {
    task.dying = true;
    return;
  }
  end(task);
  if (&task == current_) switch_to(pick(nullptr));
}

void Scheduler::kill_process(Task& process) {
  Task* self = nullptr;
  for (const auto& task : tasks_) {
    if (&task->process() != &process || task->ended || task->outlives) continue;
    if (task.get() == current_)
      self = current_;
    else
      kill(*task);
  }
  if (self != nullptr) kill(*self);
}

}  // namespace qh::simulation
