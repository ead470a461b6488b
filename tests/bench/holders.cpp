// What it costs to find the holders of a device: among PROCESSES processes with DESCRIPTORS descriptors each,
// real ones, of which two hold the device (/dev/full): one has it open, one only mapped (/dev/zero). Each
// round with processes of its own, since a second look at the same ones is cheaper.
//   holders [PROCESSES] [DESCRIPTORS] [ROUNDS]
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/file.h"
#include "host/processes/holders.h"

namespace {

using qh::host::DeviceNode;

// Sockets, pipes, files, /dev/null: what programs have open.
void open_something(int descriptors) {
  std::vector<int> pair(2);
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) < 0) ::_exit(1);
  for (int i = 5; i < descriptors; ++i) {
    const int fd = i % 4 == 0   ? ::open("/dev/null", O_RDWR)
                   : i % 4 == 1 ? ::open("/etc/passwd", O_RDONLY)
                                : ::dup(pair[static_cast<std::size_t>(i % 2)]);
    if (fd < 0) ::_exit(1);
  }
}

int start_process(int number, int descriptors, int ready, int parent_end) {
  const int pid = ::fork();
  if (pid != 0) return pid;
  ::close(parent_end);
  open_something(descriptors);
  if (number == 7 && ::open("/dev/full", O_RDWR) < 0) ::_exit(1);
  if (number == 8) {
    const int zero = ::open("/dev/zero", O_RDWR);
    // A private mapping: shared ones of /dev/zero are memory and not the device.
    if (::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, zero, 0) == MAP_FAILED) ::_exit(1);
    ::close(zero);
  }
  if (::write(ready, "x", 1) != 1) ::_exit(1);
  ::pause();
  ::_exit(0);
}

double cpu_ms() {
  double all = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    for (const auto& t : {usage.ru_utime, usage.ru_stime})
      all += static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  }
  return all;
}

template <class Find>
void measure(Find find) {
  const double cpu = cpu_ms();
  const auto start = std::chrono::steady_clock::now();
  const qh::host::Holders found = find();
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  const double used = cpu_ms() - cpu;
  std::printf("  %4.0f ms, CPU %4.0f ms; %zu unknown, %zu holders:", wall.count(), used, found.unknown.size(),
              found.holders.size());
  for (const auto& h : found.holders)
    std::printf(" %d %s%s", h.pid, h.node.path.c_str(), h.mapped ? " (mapped)" : "");
  std::printf("\n");
}

void round_of(int processes, int descriptors) {
  int ends[2];
  if (::pipe(ends) < 0) std::exit(1);
  std::vector<int> pids;
  for (int i = 0; i < processes; ++i) pids.push_back(start_process(i, descriptors, ends[1], ends[0]));
  for (int i = 0; i < processes; ++i) {
    char c = 0;
    if (::read(ends[0], &c, 1) != 1) std::exit(1);
  }
  std::size_t open_now = 0, lines = 0;
  for (const int pid : pids) {
    open_now += static_cast<std::size_t>(descriptors);
    if (pid == pids.front())
      for (const char c : qh::read_file("/proc/" + std::to_string(pid) + "/maps").value_or(""))
        lines += c == '\n' ? 1U : 0U;
  }
  const std::vector<DeviceNode> nodes{{1, 7, "/dev/full", "mem", {}, {}, false},
                                      {1, 5, "/dev/zero", "mem", {}, {}, false}};
  std::printf("%d processes, %zu descriptors, %zu mappings each\n", processes, open_now, lines);
  measure([&] { return qh::host::find_holders(qh::host::RealHost(""), nodes); });
  for (const int pid : pids) ::kill(pid, SIGKILL);
  for (const int pid : pids) ::waitpid(pid, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace

int main(int argc, char** argv) {
  const int processes = argc > 1 ? std::atoi(argv[1]) : 1000,
            descriptors = argc > 2 ? std::atoi(argv[2]) : 100;
  for (int rounds = argc > 3 ? std::atoi(argv[3]) : 3; rounds > 0; --rounds) round_of(processes, descriptors);
}
