// Which nodes belong to a function, and who has them open or mapped.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "core/file.h"
#include "fakes/hosts.h"
#include "host/processes/holders.h"
#include "host/processes/process.h"

using namespace qh;
using Names = std::vector<std::string>;
using host::NodeKind;

namespace {

struct World {
  explicit World(const std::string& description) { fakes::write_host(root, description); }
  std::vector<host::DeviceNode> nodes(const char* address) const {
    return host::device_nodes(host, {*parse_pci_address(address)});
  }
  Names paths(const char* address) const {
    Names all;
    for (const auto& n : nodes(address)) all.push_back(n.path);
    std::sort(all.begin(), all.end());
    return all;
  }
  Names holders(const char* address) const {
    Names all;
    const auto found = host::find_holders(host, nodes(address));
    CHECK(found.unknown.empty());
    for (const auto& h : found.holders)
      all.push_back(std::to_string(h.pid) + " " + h.command + " " + h.node.path +
                    (h.mapped ? " mapped" : ""));
    return all;
  }
  fakes::TemporaryRoot root;
  host::RealHost host{root.path()};
};

host::DeviceNode node_of(const char* path) {
  struct stat status {};
  REQUIRE(::stat(path, &status) == 0);
  return {major(status.st_rdev), minor(status.st_rdev), path, "mem", NodeKind::own, {}};
}

// A process that does `act`, says so, and waits to be killed.
class Process {
 public:
  template <class Act>
  explicit Process(Act act, bool first_thread_ends = false) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      act();
      if (::write(ends[1], "x", 1) != 1) ::_exit(1);
      if (first_thread_ends) ::syscall(SYS_exit, 0);
      for (;;) ::pause();
    }
    char c = 0;
    REQUIRE(::read(ends[0], &c, 1) == 1);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Process() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int pid() const { return pid_; }

 private:
  int pid_ = 0;
};

const host::Holder* of(const host::Holders& found, int pid) {
  const auto at =
      std::find_if(found.holders.begin(), found.holders.end(), [&](const auto& h) { return h.pid == pid; });
  return at == found.holders.end() ? nullptr : &*at;
}

const host::RealHost this_host("");

}  // namespace

TEST_CASE("the nodes of a card's functions") {
  const World w(fakes::desktop);
  CHECK(w.paths("0000:01:00.0") == Names{"/dev/dri/card1", "/dev/dri/renderD128", "/dev/fb0", "/dev/i2c-3",
                                         "/dev/nvidia-modeset", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools",
                                         "/dev/nvidia0", "/dev/nvidiactl"});
  CHECK(w.paths("0000:01:00.1") == Names{"/dev/snd/controlC1", "/dev/snd/pcmC1D3p"});
  CHECK(w.paths("0000:00:1f.6").empty());
  for (const auto& n : w.nodes("0000:01:00.0")) {
    CAPTURE(n.path);
    CHECK(n.function.text() == "0000:01:00.0");
    const bool shared =
        n.path == "/dev/nvidiactl" || n.path == "/dev/nvidia-modeset" || n.path.find("/dev/nvidia-uvm") == 0;
    CHECK(n.kind == (shared ? NodeKind::shared : NodeKind::own));
    if (n.path == "/dev/nvidia0") CHECK((n.major == 195 && n.minor == 0));
    if (n.path == "/dev/nvidiactl") CHECK((n.major == 195 && n.minor == 255));
    if (n.path == "/dev/nvidia-uvm") CHECK((n.major == 508 && n.minor == 0));
    if (n.path == "/dev/dri/renderD128") CHECK((n.major == 226 && n.minor == 128 && n.subsystem == "drm"));
  }
}

TEST_CASE("what hangs on USB is made to be pulled out") {
  const World w(fakes::desktop);
  for (const char* address : {"0000:01:00.2", "0000:00:14.0"}) {
    const auto nodes = w.nodes(address);
    REQUIRE(!nodes.empty());
    for (const auto& node : nodes) CHECK(node.kind == NodeKind::hot_plug);
  }
}

TEST_CASE("disks and their partitions are nodes too, told apart from character devices of the same number") {
  const World w(fakes::desktop);
  const auto nodes = w.nodes("0000:02:00.0");
  REQUIRE(!nodes.empty());
  for (const auto& node : nodes) CHECK((node.is_block && node.kind == NodeKind::own));
  CHECK(nodes.front().path.starts_with("/dev/nvme"));
}

TEST_CASE("with a second NVIDIA card the driver's shared nodes are not this card's") {
  const World w(fakes::workstation);
  CHECK(w.paths("0000:02:00.0") == Names{"/dev/dri/card1", "/dev/nvidia1"});
  CHECK(w.holders("0000:02:00.0").empty());
  CHECK(w.paths("0000:03:00.0") == Names{"/dev/nvidia0"});
}

TEST_CASE("amdgpu's compute node, as long as it has one card") {
  const World w(fakes::apu_laptop);
  CHECK(w.paths("0000:05:00.0") ==
        Names{"/dev/dri/card0", "/dev/dri/renderD128", "/dev/drm_dp_aux0", "/dev/kfd"});
  CHECK(w.paths("0000:05:00.1") == Names{"/dev/snd/hwC0D0"});
  const World two(std::string(fakes::apu_laptop) +
                  "pci 0000:00:01.1/0000:03:00.0 1002:73ff 1002:0000 030000 amdgpu 12\n");
  CHECK(two.paths("0000:05:00.0") == Names{"/dev/dri/card0", "/dev/dri/renderD128", "/dev/drm_dp_aux0"});
  CHECK(World(fakes::workstation).paths("0000:01:00.0") ==
        Names{"/dev/dri/card0", "/dev/dri/renderD128", "/dev/kfd"});
}

TEST_CASE("who has a recorded host's nodes open or mapped") {
  const World w(fakes::desktop);
  CHECK(w.holders("0000:01:00.0") == Names{"612 nvidia-persistenced /dev/nvidia0",
                                           "612 nvidia-persistenced /dev/nvidiactl",
                                           "1201 Xorg /dev/dri/card1", "1201 Xorg /dev/nvidia0",
                                           "1500 telegram /dev/dri/renderD128 mapped"});
  CHECK(w.holders("0000:01:00.1") == Names{"1444 wireplumber /dev/snd/controlC1"});
  CHECK(w.holders("0000:02:00.0").empty());
  CHECK(World(fakes::apu_laptop).holders("0000:05:00.0") ==
        Names{"900 gnome-shell /dev/dri/card0", "900 gnome-shell /dev/dri/renderD128",
              "950 python3 /dev/dri/renderD128", "950 python3 /dev/kfd"});
}

TEST_CASE("real processes: open, mapped with the descriptor closed, neither") {
  const auto full = node_of("/dev/full"), zero = node_of("/dev/zero");
  const Process open([] { ::open("/dev/full", O_RDWR); });
  const Process mapped([] {
    const int fd = ::open("/dev/zero", O_RDWR);
    ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    ::close(fd);
  });
  const Process both([] { ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, ::open("/dev/zero", O_RDWR), 0); });
  const Process other([] { ::open("/dev/null", O_RDWR); });
  {
    const auto found = host::find_holders(this_host, {full, zero});
    REQUIRE(of(found, open.pid()) != nullptr);
    CHECK(of(found, open.pid())->node.path == "/dev/full");
    CHECK_FALSE(of(found, open.pid())->mapped);
    CHECK(of(found, open.pid())->command == host::command_name(this_host, open.pid()));
    REQUIRE(of(found, mapped.pid()) != nullptr);
    CHECK(of(found, mapped.pid())->node.path == "/dev/zero");
    CHECK(of(found, mapped.pid())->mapped);
    REQUIRE(of(found, both.pid()) != nullptr);
    CHECK_FALSE(of(found, both.pid())->mapped);
    CHECK(std::count_if(found.holders.begin(), found.holders.end(),
                        [&](const auto& h) { return h.pid == both.pid(); }) == 1);
    CHECK(of(found, other.pid()) == nullptr);
    CHECK(of(found, ::getpid()) == nullptr);
    CHECK(std::is_sorted(found.holders.begin(), found.holders.end(),
                         [](const auto& a, const auto& b) { return a.pid < b.pid; }));
    for (const int pid : {open.pid(), mapped.pid(), other.pid()})
      CHECK(std::find(found.unknown.begin(), found.unknown.end(), pid) == found.unknown.end());
  }
}

TEST_CASE("a node of another name and place, as a container has it, is the same device") {
  const fakes::TemporaryRoot root;
  const std::string node = root.path() + "/nvidia0";
  if (::mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 7)) < 0) {
    MESSAGE("cannot make device nodes here");
    return;
  }
  const int may_open = ::open(node.c_str(), O_RDWR);  // /dev/shm may be mounted nodev
  if (may_open < 0) return;
  ::close(may_open);
  const Process open([&] { ::open(node.c_str(), O_RDWR); });
  CHECK(of(host::find_holders(this_host, {node_of("/dev/full")}), open.pid()) != nullptr);
}

TEST_CASE("a process whose first thread has ended, as programs of some languages do") {
  const Process open(
      [] {
        ::open("/dev/full", O_RDWR);
        std::thread([] {
          for (;;) ::pause();
        }).detach();
      },
      true);
  // Its first thread is a zombie then.
  REQUIRE(
      Deadline(Milliseconds{20'000}).wait_for([&] { return !host::find_process(this_host, open.pid()); }));
  CHECK(of(host::find_holders(this_host, {node_of("/dev/full")}), open.pid()) != nullptr);
}

TEST_CASE("without nodes nobody is looked at; without processes nobody is found") {
  CHECK(host::find_holders(this_host, {}).unknown.empty());
  const fakes::TemporaryRoot root;
  const auto found = host::find_holders(host::RealHost(root.path()), {node_of("/dev/full")});
  CHECK(found.holders.empty());
  CHECK(found.unknown.empty());
}

TEST_CASE("another user's processes are unknown, the kernel's threads are not") {
  if (::getuid() != 0) return;
  const Process other([] { ::open("/dev/full", O_RDWR); });
  // In a child that gives its rights away: what it finds comes back as its exit status.
  const int pid = ::fork();
  if (pid == 0) {
    if (::setgid(65534) < 0 || ::setuid(65534) < 0) ::_exit(100);
    const auto found = host::find_holders(this_host, {node_of("/dev/full")});
    const bool unknown =
        std::find(found.unknown.begin(), found.unknown.end(), other.pid()) != found.unknown.end();
    const bool kernel_thread =
        std::find(found.unknown.begin(), found.unknown.end(), 2) != found.unknown.end();
    const bool found_it = of(found, other.pid()) != nullptr;
    const bool hidden = std::any_of(found.hidden.begin(), found.hidden.end(), [&](const auto& process) {
      return process.ends_with(" (" + std::to_string(other.pid()) + ")");
    });
    const bool kthreadd = host::command_name(this_host, 2) == "kthreadd";
    ::_exit((unknown ? 1 : 0) + (kernel_thread && kthreadd ? 2 : 0) + (found_it ? 4 : 0) + (hidden ? 0 : 8));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(WEXITSTATUS(status) == 1);
}

TEST_CASE("one process that the scan gets stuck on is unknown, the others are looked at") {
  const World w(fakes::desktop);
  // Reading a FIFO that nobody writes to blocks, as the maps of a process do that the kernel holds.
  ::mkdir((w.root.path() + "/proc/1300").c_str(), 0755);
  ::mkdir((w.root.path() + "/proc/1300/fd").c_str(), 0755);
  REQUIRE(::symlink("/dev/dri/card1", (w.root.path() + "/proc/1300/fd/0").c_str()) == 0);
  REQUIRE(::mkfifo((w.root.path() + "/proc/1300/maps").c_str(), 0600) == 0);
  const auto found = host::find_holders(w.host, w.nodes("0000:01:00.0"), Milliseconds{1000});
  CHECK(std::find(found.unknown.begin(), found.unknown.end(), 1300) != found.unknown.end());
  CHECK(found.hidden.empty());
  // What was seen before counts.
  CHECK(of(found, 1300) != nullptr);
  CHECK(of(found, 1201) != nullptr);
}
