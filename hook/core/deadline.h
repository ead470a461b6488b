// A point in time at which waiting ends.
#pragma once

#include <chrono>
#include <thread>

namespace qh {

using Milliseconds = std::chrono::milliseconds;

class Deadline {
 public:
  explicit Deadline(Milliseconds from_now) : end_(Clock::now() + from_now) {}

  bool passed() const { return Clock::now() >= end_; }
  // Never negative; rounded up, so that a poll() with it does not spin in the last millisecond.
  Milliseconds left() const {
    const auto left = std::chrono::ceil<Milliseconds>(end_ - Clock::now());
    return left.count() > 0 ? left : Milliseconds{0};
  }

  // Waits until `state()` is true; false if the deadline passed first. The state is asked at once and then in
  // short, growing intervals: for what the kernel offers no event.
  template <class State>
  bool wait_for(State state) const {
    for (auto pause = Milliseconds{1};; pause = pause < Milliseconds{50} ? pause * 2 : pause) {
      if (state()) return true;
      if (passed()) return false;
      std::this_thread::sleep_for(pause < left() ? pause : left());
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point end_;
};

class Stopwatch {
 public:
  Milliseconds elapsed() const {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace qh
