// The built binary, run as libvirt or a person runs it, over a tree of files that a model of the kernel
// answers.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "fakes/kernel.h"

namespace qh::blackbox {

struct Ran {
  int status = -1;  // exit status; 128 + signal
  std::string out, err;
  bool ended = true;  // false: killed by the test, because output or process did not end in time
};

struct Call {
  std::vector<std::string> arguments;
  std::string input = {};
  bool input_stays_open = false;  // stdin without an end, as of a caller that forgot it
  unsigned user = 0;
  bool with_libvirt = true;  // the stand-in
  double limit = 20;         // seconds
};

// Runs the built binary over the tree at `root`; `library` is loaded before all others.
Ran run_program(const std::string& root, const std::string& library, const std::string& argv0,
                const Call& call);

class Program {
 public:
  Program();
  ~Program();

  // As libvirt runs it: argv[0] is the hook's path.
  Ran hook(const std::string& guest, const std::string& operation, const std::string& sub_operation,
           const std::string& xml);
  // As `qemu-hook`.
  Ran command(std::vector<std::string> arguments, const std::string& input = {});
  Ran run(const std::string& argv0, const Call& call);

  // Lines that came to /dev/log.
  std::vector<std::string> log();
  // All files below the root but /sys and the test's own, with their contents.
  std::string files() const;

  // A driver lets go of a device only when the hook has begun to open its connection to libvirt.
  std::atomic<bool> unbinds_wait_for_libvirt{false};

  fakes::TemporaryRoot root;
  fakes::Kernel kernel{root};

 private:
  void answer_writes();
  std::atomic<bool> stop_{false};
  std::thread responder_;
  int log_socket_ = -1;
};

}  // namespace qh::blackbox
