#include "host/holders.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <compare>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "core/text.h"
#include "host/child.h"
#include "host/file.h"
#include "host/open_devices.h"
#include "host/process.h"
#include "host/process_scan.h"

namespace qh::host {
namespace {

// What the workers share: each takes the next process and writes what it finds at its place.
struct Counter {
  std::atomic<std::size_t> taken{0};
  std::atomic<std::size_t> progress{0};
};
static_assert(std::atomic<std::size_t>::is_always_lock_free, "shared between processes");

class SharedMemory {
 public:
  explicit SharedMemory(std::size_t size)
      : size_(size), at_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  ~SharedMemory() {
    if (*this) ::munmap(at_, size_);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  explicit operator bool() const { return at_ != MAP_FAILED; }
  void* get() const { return at_; }

 private:
  std::size_t size_;
  void* at_;
};

struct Job {
  const std::string& root;
  const std::vector<DeviceNode>& nodes;
  const std::vector<int>& pids;
  Counter* counter;
  Found* found;
};

std::vector<int> all_pids(const std::string& root) {
  std::vector<int> pids;
  for (const auto& name : list_folder(root + "/proc")) {
    char* rest = nullptr;
    const long pid = std::strtol(name.c_str(), &rest, 10);
    if (pid > 0 && *rest == '\0') pids.push_back(static_cast<int>(pid));
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

void work(const Job& job) {
  const Fd proc(::open((job.root + "/proc").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ProcessScan scan(proc.get(), job.nodes, !job.root.empty(), job.counter->progress);
  for (;;) {
    const std::size_t i = job.counter->taken.fetch_add(1);
    if (i >= job.pids.size()) return;
    scan.look_at(job.pids[i], job.found[i]);
    ++job.counter->progress;
  }
}

std::size_t worker_count(std::size_t processes) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const int usable = ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  // More of them than this wait for each other; one for a few processes is not worth its start.
  return std::clamp<std::size_t>(static_cast<std::size_t>(usable), 1,
                                 std::clamp<std::size_t>(processes / 50, 1, 8));
}

// A worker holds the write end of a pipe and no other descriptor: neither the one by which the child answers,
// whose end must be seen even if the kernel holds a worker for ever, nor anything else.
void become_worker(int pipe_end, const Job& job) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int fd = 3; fd < 64; ++fd)
    if (fd != pipe_end) ::close(fd);
  work(job);
  ::_exit(0);
}

// In the child: starts the workers and waits for them as long as they get on.
void run_workers(const Job& job, Milliseconds patience) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return;
  const Fd all_done(ends[0]);
  Fd working(ends[1]);
  std::vector<int> workers;
  for (std::size_t n = worker_count(job.pids.size()); n > 0; --n) {
    const int pid = ::fork();
    if (pid == 0) become_worker(working.get(), job);
    if (pid > 0) workers.push_back(pid);
  }
  working.reset();
  for (std::size_t last = 0;;) {
    pollfd p{all_done.get(), POLLIN, 0};  // its end comes with the last worker's
    const int ready = ::poll(&p, 1, static_cast<int>(patience.count()));
    if (ready > 0 || (ready < 0 && errno != EINTR)) break;
    const std::size_t progress = job.counter->progress.load();
    if (std::exchange(last, progress) == progress) break;
  }
  for (const int pid : workers) ::kill(pid, SIGKILL);
  // One that does not end even so is left behind.
  Deadline(Milliseconds{100}).wait_for([&] {
    std::erase_if(workers, [](int pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
    return workers.empty();
  });
}

// The program that asks the kernel costs some 15 ms to load, a look at /proc some 5 us for each descriptor.
bool has_many_open_files() {
  // "9312 0 9223372036854775807": open files first (Documentation/admin-guide/sysctl/fs.rst).
  const auto text = read_file("/proc/sys/fs/file-nr");
  return text && std::strtol(text->c_str(), nullptr, 10) > 5000;
}

}  // namespace

Holders look_through_processes(const std::string& root, const std::vector<DeviceNode>& nodes,
                               Milliseconds patience) {
  Holders out;
  const auto pids = all_pids(root);
  const SharedMemory memory(sizeof(Counter) + pids.size() * sizeof(Found));
  if (!memory) {
    out.unknown = pids;
    return out;
  }
  auto* counter = new (memory.get()) Counter;
  auto* found = static_cast<Found*>(static_cast<void*>(counter + 1));
  std::uninitialized_value_construct_n(found, pids.size());
  const Job job{root, nodes, pids, counter, found};
  // In one child, so that the workers have nothing of this process's but memory: no lock, no output.
  (void)run_in_child("looking through /proc", Milliseconds{15'000}, [&]() -> Result<std::string> {
    run_workers(job, patience);
    return std::string();
  });
  for (std::size_t i = 0; i < pids.size(); ++i) {
    Found f = found[i];
    const auto end = f.nodes.begin() + std::min<std::ptrdiff_t>(f.count, Found::most);
    std::sort(f.nodes.begin(), end, [](const auto& a, const auto& b) { return a.index < b.index; });
    const std::string command = f.count > 0 ? command_name(root, pids[i]) : "";
    for (auto n = f.nodes.begin(); n != end; ++n)
      if (n->index < nodes.size()) out.holders.push_back({pids[i], command, nodes[n->index], n->mapped});
    if (!f.done || f.unreadable) out.unknown.push_back(pids[i]);
  }
  return out;
}

Result<Holders> ask_kernel_for_holders(const std::vector<DeviceNode>& nodes, Milliseconds timeout) {
  struct Hit {
    int pid = 0;
    std::size_t node = 0;
    int mapped = 0;
    auto operator<=>(const Hit&) const = default;  // what is open before what is only mapped
  };
  const auto answer =
      run_in_child("asking the kernel for open devices", timeout, [&]() -> Result<std::string> {
        const auto all = open_devices();
        if (!all) return fail(all.error());
        std::string lines;
        for (const auto& open : *all)
          for (std::size_t i = 0; i < nodes.size(); ++i)
            if (nodes[i].major == open.major && nodes[i].minor == open.minor)
              lines +=
                  join({std::to_string(open.pid), std::to_string(i), open.mapped ? "1" : "0"}, " ") + "\n";
        return lines;
      });
  if (!answer) return fail(answer.error());
  std::vector<Hit> hits;
  for (const auto line : split(*answer, '\n'))
    if (Hit hit; std::sscanf(std::string(line).c_str(), "%d %zu %d", &hit.pid, &hit.node, &hit.mapped) == 3)
      hits.push_back(hit);
  std::sort(hits.begin(), hits.end());
  const auto same = [](const Hit& a, const Hit& b) { return a.pid == b.pid && a.node == b.node; };
  hits.erase(std::unique(hits.begin(), hits.end(), same), hits.end());
  Holders out;
  for (const Hit& hit : hits)
    out.holders.push_back({hit.pid, command_name("", hit.pid), nodes[hit.node], hit.mapped != 0});
  return out;
}

Holders find_holders(const std::string& root, const std::vector<DeviceNode>& nodes, Milliseconds patience) {
  if (nodes.empty()) return {};
  if (root.empty() && has_many_open_files())
    if (auto holders = ask_kernel_for_holders(nodes, patience)) return *std::move(holders);
  return look_through_processes(root, nodes, patience);
}

std::string describe(const std::vector<Holder>& holders) {
  std::vector<std::string> processes;
  for (std::size_t i = 0; i < holders.size();) {
    const Holder& first = holders[i];
    std::vector<std::string> nodes;
    for (; i < holders.size() && holders[i].pid == first.pid; ++i)
      nodes.push_back(holders[i].node.path + (holders[i].mapped ? " (mapped)" : ""));
    processes.push_back(printable(first.command) + " (" + std::to_string(first.pid) + ": " + join_few(nodes) +
                        ")");
  }
  return join_few(processes);
}

}  // namespace qh::host
