#include "blackbox/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/file.h"

namespace qh::blackbox {
namespace fs = std::filesystem;
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Pipe {
  Pipe() { (void)!::pipe2(end, O_CLOEXEC); }
  ~Pipe() {
    for (int fd : end)
      if (fd >= 0) ::close(fd);
  }
  void close(int which) { ::close(std::exchange(end[which], -1)); }
  int end[2] = {-1, -1};
};

}  // namespace

Program::Program() {
  root.write("/run/libvirt/.keep", "");
  log_socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = root.path() + "/dev/log";
  std::memcpy(address.sun_path, path.c_str(), path.size());
  (void)::bind(log_socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  // As a tree that a person copies: readable for all.
  fs::permissions(root.path(), fs::perms(0755));
  responder_ = std::thread([this] { answer_writes(); });
}

Program::~Program() {
  stop_ = true;
  responder_.join();
  ::close(log_socket_);
}

// Plays the kernel: whatever is written to a control file takes effect, and then the file is empty again, for
// which the writer waits (sysfs_writes.cpp).
void Program::answer_writes() {
  const std::string pci = "bus/pci/";
  while (!stop_) {
    std::vector<std::string> files;
    for (const auto& driver : list_folder(root.path() + "/sys/bus/pci/drivers"))
      for (const char* file : {"/unbind", "/bind"}) files.push_back(pci + "drivers/" + driver + file);
    for (const auto& device : list_folder(root.path() + "/sys/bus/pci/devices"))
      files.push_back(pci + "devices/" + device + "/remove");
    files.push_back(pci + "drivers_probe");
    files.push_back(pci + "rescan");
    for (const auto& file : files) {
      const std::string text = root.read("/sys/" + file);
      if (text.empty()) continue;
      if (unbinds_wait_for_libvirt && file.ends_with("/unbind") && !root.exists("/libvirt-calls")) continue;
      kernel.write(file, text);
      (void)!::truncate((root.path() + "/sys/" + file).c_str(), 0);
    }
    std::this_thread::sleep_for(Milliseconds{1});
  }
}

Ran Program::run(const std::string& argv0, const Call& call) {
  return run_program(root.path(), QH_STAND_IN_FOLDER "/sysfs-writes.so", argv0, call);
}

Ran run_program(const std::string& root, const std::string& library, const std::string& argv0,
                const Call& call) {
  Pipe in, out, err;
  const double start = now();
  const int pid = ::fork();
  if (pid == 0) {
    ::dup2(in.end[0], 0);
    ::dup2(out.end[1], 1);
    ::dup2(err.end[1], 2);
    const std::string root_variable = "QEMU_HOOK_ROOT=" + root, preload = "LD_PRELOAD=" + library,
                      path = "LD_LIBRARY_PATH=" QH_STAND_IN_FOLDER;
    std::vector<const char*> environment{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", preload.c_str(),
                                         root_variable.c_str()};
    if (call.with_libvirt) environment.push_back(path.c_str());
    environment.push_back(nullptr);
    std::vector<const char*> argv{argv0.c_str()};
    for (const auto& a : call.arguments) argv.push_back(a.c_str());
    argv.push_back(nullptr);
    if (call.user != 0 && ::setuid(call.user) != 0) ::_exit(99);
    ::execve(QH_PROGRAM, const_cast<char**>(argv.data()), const_cast<char**>(environment.data()));
    ::_exit(98);
  }
  in.close(0);
  out.close(1);
  err.close(1);
  ::signal(SIGPIPE, SIG_IGN);
  ::fcntl(in.end[1], F_SETFL, O_NONBLOCK);
  Ran ran;
  std::string_view input = call.input;
  bool open[2] = {true, true};
  // As libvirt does: until both outputs have come to their end, and only then for the process.
  while (open[0] || open[1]) {
    if (now() - start > call.limit) {
      ran.ended = false;
      break;
    }
    if (in.end[1] >= 0 && input.empty() && !call.input_stays_open) in.close(1);
    pollfd fds[3] = {{open[0] ? out.end[0] : -1, POLLIN, 0},
                     {open[1] ? err.end[0] : -1, POLLIN, 0},
                     {input.empty() ? -1 : in.end[1], POLLOUT, 0}};
    ::poll(fds, 3, 20);
    char buffer[65536];
    for (int i = 0; i < 2; ++i) {
      if (fds[i].revents == 0) continue;
      const ssize_t n = ::read(i == 0 ? out.end[0] : err.end[0], buffer, sizeof buffer);
      if (n <= 0)
        open[i] = false;
      else
        (i == 0 ? ran.out : ran.err).append(buffer, static_cast<std::size_t>(n));
    }
    if (fds[2].revents != 0) {
      const ssize_t n = ::write(in.end[1], input.data(), input.size());
      if (n > 0)
        input.remove_prefix(static_cast<std::size_t>(n));
      else
        input = {};
    }
  }
  if (!ran.ended) ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

Ran Program::hook(const std::string& guest, const std::string& operation, const std::string& sub_operation,
                  const std::string& xml) {
  return run("/etc/libvirt/hooks/qemu", {.arguments = {guest, operation, sub_operation, "-"}, .input = xml});
}

Ran Program::command(std::vector<std::string> arguments, const std::string& input) {
  return run("qemu-hook", {.arguments = std::move(arguments), .input = input});
}

std::vector<std::string> Program::log() {
  std::vector<std::string> lines;
  char buffer[65536];
  for (ssize_t n = 0; (n = ::recv(log_socket_, buffer, sizeof buffer, 0)) > 0;)
    lines.emplace_back(buffer, static_cast<std::size_t>(n));
  return lines;
}

std::string Program::files() const {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(root.path())) {
    const std::string file = entry.path().string().substr(root.path().size());
    if (file.substr(0, 4) == "/sys" || file.substr(0, 8) == "/libvirt" || !entry.is_regular_file()) continue;
    text += file + ": " + root.read(file) + "\n";
  }
  return text;
}

}  // namespace qh::blackbox
