// libvirt's `daemon` hook, through the binary: what a killed daemon has left over is undone beside the next
// one's start.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "blackbox/program.h"
#include "core/deadline.h"
#include "core/file.h"

using qh::blackbox::Program;

namespace {

const std::string journal = "/run/libvirt/qemu-hook/win10.journal";
const std::string nic =
    "<domain type='kvm' id='1'><name>win10</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><devices>"
    "<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0x0000' bus='0x02' "
    "slot='0x00' function='0x0'/></source></hostdev></devices></domain>";

class Host : public Program {
 public:
  // What a call leaves behind becomes this process's child, so that it is seen and waited for.
  Host() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    kernel.add_device({"0000:02:00.0", "8086:10d3 8086:0000", "020000", "e1000e", "10"});
    kernel.add_driver("vfio-pci");
    before = kernel.state();
    new_daemon();
  }
  ~Host() {
    wait_for_all();
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }

  // Of the hook's parent, which is this process; the one before has ended.
  int start_time() const { return start_time_; }
  void new_daemon() {
    const std::string pid = std::to_string(::getpid());
    root.write("/run/libvirtd.pid", pid);
    root.write("/proc/" + pid + "/stat", pid + " (libvirtd) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " +
                                             std::to_string(++start_time_) + " 0 0");
  }
  qh::blackbox::Ran call(const std::string& operation, const std::string& sub_operation,
                         const std::string& extra) {
    return run("/etc/libvirt/hooks/daemon.d/50-qemu-hook",
               {.arguments = {"-", operation, sub_operation, extra}, .input_stays_open = true, .limit = 10});
  }
  void start_daemon() {
    new_daemon();
    const auto ran = call("start", "-", "start");
    CHECK(ran.ended);
    CHECK(ran.status == 0);
    CHECK(ran.out.empty());
    CHECK(ran.err.empty());
  }
  void start_guest() {
    REQUIRE(hook("win10", "prepare", "begin", nic).status == 0);
    REQUIRE(kernel.driver("0000:02:00.0") == "vfio-pci");
    calls_of_start = root.read("/libvirt-calls");
  }

  // One process of those that were left behind and still run; 0: there is none.
  int left_behind() {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    for (const auto& task : qh::list_folder("/proc/self/task"))
      if (const auto pids = qh::read_file("/proc/self/task/" + task + "/children"); pids && !pids->empty())
        return std::stoi(*pids);
    return 0;
  }
  void wait_for_all() {
    CHECK(qh::Deadline(qh::Milliseconds{20'000}).wait_for([&] { return left_behind() == 0; }));
  }
  bool is_opened_by(int pid) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd/";
    const auto fds = qh::list_folder(folder);
    return std::any_of(fds.begin(), fds.end(), [&](const std::string& fd) {
      return qh::link_target(folder + fd) == root.path() + journal;
    });
  }
  void check_is_given_back() const {
    CHECK(kernel.state() == before);
    CHECK_FALSE(root.exists(journal));
  }
  void check_is_kept() const {
    CHECK(kernel.driver("0000:02:00.0") == "vfio-pci");
    CHECK(root.exists(journal));
  }
  bool is_logged(const std::string& text) {
    for (auto& line : log()) logged_.push_back(std::move(line));
    return std::any_of(logged_.begin(), logged_.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

  std::string before;
  std::string calls_of_start;

 private:
  int start_time_ = 100;
  std::vector<std::string> logged_;
};

// Somebody works on the journal, until this is gone.
struct Lock {
  explicit Lock(const Host& host) : fd(::open((host.root.path() + journal).c_str(), O_RDWR | O_CLOEXEC)) {
    REQUIRE(::flock(fd.get(), LOCK_EX | LOCK_NB) == 0);
  }
  qh::Fd fd;
};

}  // namespace

TEST_CASE("the daemon starts and there is no journal: over at once, nothing read and nothing started") {
  Host h;
  h.root.write("/etc/libvirt/qemu-hook/host.toml", "this is = = no TOML");
  const std::string files = h.files();
  h.root.write("/opens", "");
  const auto ran = h.call("start", "-", "start");
  CHECK(ran.ended);
  CHECK(ran.status == 0);
  CHECK(ran.out.empty());
  CHECK(ran.err.empty());
  CHECK(h.left_behind() == 0);
  CHECK(h.root.read("/opens").find("host.toml") == std::string::npos);
  std::filesystem::remove(h.root.path() + "/opens");
  CHECK(h.files() == files);
  CHECK(h.log().empty());
}

TEST_CASE("a guest that ended unseen is undone beside the daemon's start, which does not wait for it") {
  Host h;
  h.start_guest();
  {
    const Lock lock(h);
    h.start_daemon();  // it waits for the end of both outputs, as libvirt does
    CHECK(h.left_behind() != 0);
    CHECK(h.kernel.driver("0000:02:00.0") == "vfio-pci");
  }
  h.wait_for_all();
  h.check_is_given_back();
  CHECK(h.root.read("/libvirt-calls") == h.calls_of_start);
  CHECK(h.is_logged("]: win10: undoing what was left over"));
  CHECK(h.is_logged("]: win10: reattach 0000:02:00.0, now on e1000e ("));
  CHECK(h.is_logged("]: win10: released, the host is as it was ("));
}

TEST_CASE("two daemons that start at once undo it once") {
  Host h;
  h.start_guest();
  {
    const Lock lock(h);
    h.start_daemon();
    h.start_daemon();
  }
  h.wait_for_all();
  CHECK(h.kernel.state() == h.before);
  const auto log = h.log();
  CHECK(std::count_if(log.begin(), log.end(), [](const std::string& line) {
          return line.find("undoing what was left over") != std::string::npos;
        }) == 1);
}

TEST_CASE("a guest is undone whose name is too long to be a file's") {
  Host h;
  REQUIRE(h.hook(std::string(230, 'a'), "prepare", "begin", nic).status == 0);
  REQUIRE(h.kernel.driver("0000:02:00.0") == "vfio-pci");
  h.start_daemon();
  h.wait_for_all();
  h.check_is_given_back();
}

TEST_CASE("what somebody else undoes is left alone when the daemon starts") {
  Host h;
  SUBCASE("the guest runs") {
    h.start_guest();
    h.root.write("/run/libvirt/qemu/win10.pid", "4242");
    h.root.write("/proc/4242/stat",
                 "4242 (qemu-system-x86) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9999 0 0");
    h.root.write("/proc/4242/cmdline", "qemu -uuid 4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
    h.start_daemon();
  }
  SUBCASE("libvirt still knows it") {
    h.start_guest();
    h.root.write("/run/libvirt/qemu/win10.xml", "<domstatus/>");
    h.start_daemon();
  }
  SUBCASE("libvirt still knows it, and an end was begun, and the QEMU driver is not up") {
    h.start_guest();
    h.root.write(journal, h.root.read(journal) + "undoing\n");
    h.root.write("/run/libvirt/qemu/win10.xml", "<domstatus/>");
    h.new_daemon();
    h.root.write("/run/libvirtd.pid", "");
    CHECK(h.call("start", "-", "start").status == 0);
  }
  SUBCASE("the daemon that started it lives") {
    h.start_guest();
    CHECK(h.call("start", "-", "start").status == 0);
  }
  SUBCASE("the daemon does something else") {
    h.start_guest();
    h.new_daemon();
    CHECK(h.call("reload", "begin", "SIGHUP").status == 0);
    CHECK(h.call("shutdown", "-", "shutdown").status == 0);
    CHECK(h.left_behind() == 0);
  }
  SUBCASE("it is detached by hand, and somebody works on it") {
    h.root.write("/domains/win10", nic);
    REQUIRE(h.command({"--detach", "win10"}).status == 0);
    const Lock lock(h);
    h.start_daemon();
    h.wait_for_all();
  }
  h.wait_for_all();
  h.check_is_kept();
  CHECK_FALSE(h.is_logged("left over"));
}

TEST_CASE("a start that comes before the undoing keeps its devices") {
  Host h;
  h.start_guest();
  {
    const Lock lock(h);
    h.start_daemon();
    const int undoing = h.left_behind();
    REQUIRE(undoing != 0);
    CHECK(qh::Deadline(qh::Milliseconds{10'000}).wait_for([&] { return h.is_opened_by(undoing); }));
    // As `prepare` leaves it when it has undone the old one and is through itself.
    std::string text = h.root.read(journal);
    const auto line = text.find("\ndaemon ");
    text.replace(line, text.find('\n', line + 1) - line,
                 "\ndaemon " + std::to_string(::getpid()) + " " + std::to_string(h.start_time()));
    h.root.write("/new", text);
    std::filesystem::rename(h.root.path() + "/new", h.root.path() + journal);
  }
  h.wait_for_all();
  h.check_is_kept();
  CHECK_FALSE(h.is_logged("left over"));
}

TEST_CASE("a journal that cannot be read is kept, with its reason in the log") {
  Host h;
  h.start_guest();
  h.root.write(journal, h.root.read(journal) + "begin 99\n");
  const std::string text = h.root.read(journal);
  h.start_daemon();
  h.wait_for_all();
  CHECK(h.root.read(journal) == text);
  CHECK(h.kernel.driver("0000:02:00.0") == "vfio-pci");
  CHECK(h.is_logged("is damaged: line "));
  CHECK(h.is_logged("hint: `qemu-hook --reattach "));
}

TEST_CASE("a journal that cannot be undone is kept with its reason, until the next daemon's start") {
  Host h;
  h.start_guest();
  h.root.write("/etc/libvirt/qemu-hook/host.toml", "backend = \"libvirt\"\n[deadlines]\nreattach = 0.5\n");
  const std::string unbind = h.root.path() + "/sys/bus/pci/drivers/vfio-pci/unbind";
  std::filesystem::rename(unbind, unbind + ".away");
  h.start_daemon();
  h.wait_for_all();
  h.check_is_kept();
  CHECK(h.is_logged("0000:02:00.0: cannot be given back"));
  CHECK_FALSE(h.is_logged("released"));
  std::filesystem::rename(unbind + ".away", unbind);
  h.start_daemon();
  h.wait_for_all();
  h.check_is_given_back();
}
