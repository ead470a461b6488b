#include "host/processes/child.h"

#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "core/text.h"
#include "host/processes/confinement.h"

namespace qh::host {
namespace {

constexpr int channel = 3;  // the child's end of the socket pair

// In the child: nothing of the parent's stays but `fd`, as descriptor 3. Only async-signal-safe calls.
void leave_parent(int fd) {
  ::setsid();
  if (fd != channel) ::dup2(fd, channel);
  // Descriptor 3 must survive the close-on-exec mark of its origin only until exec.
  if (::syscall(SYS_close_range, channel + 1, ~0U, 0) < 0)
    for (int i = channel + 1; i < 1024; ++i) ::close(i);
  const int null = ::open("/dev/null", O_RDWR);
  for (int i = 0; i < 3; ++i) ::dup2(null, i);
  if (null > channel) ::close(null);
}

// Ends the child. Gives its pid if even SIGKILL does not end it: it sits in the kernel.
int end_child(int pid, Milliseconds patience = Milliseconds{1500}) {
  ::kill(pid, SIGKILL);
  const bool has_ended = Deadline(patience).wait_for([&] {
    const int got = ::waitpid(pid, nullptr, WNOHANG);
    return got == pid || (got < 0 && errno == ECHILD);
  });
  return has_ended ? 0 : pid;
}

// A child for `work`, joined by a socket pair.
template <class Work>
Result<std::pair<Fd, int>> fork_child(int socket_type, Work work) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, socket_type | SOCK_CLOEXEC, 0, pair.data()) < 0)
    return fail(ErrorKind::failed, std::string("cannot make a socket pair: ") + std::strerror(errno));
  Fd ours(pair[0]), theirs(pair[1]);
  const int pid = ::fork();
  if (pid < 0) return fail(ErrorKind::failed, std::string("cannot start a process: ") + std::strerror(errno));
  if (pid == 0) {
    leave_parent(theirs.get());
    // A hook that is killed takes its helpers along, unless the kernel holds them.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    ::_exit(0);
  }
  return std::pair<Fd, int>(std::move(ours), pid);
}

bool is_readable(int fd, const Deadline& deadline) {
  pollfd p{fd, POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&p, 1, static_cast<int>(deadline.left().count()));
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// A message is one packet or several (SOCK_SEQPACKET keeps them apart), each with a mark in front.
constexpr std::size_t packet_size = 65536;
constexpr char last_packet = '.', more_packets = '+';

void send(int fd, std::string_view message) {
  do {
    const auto part = message.substr(0, packet_size - 1);
    message.remove_prefix(part.size());
    const std::string packet = (message.empty() ? last_packet : more_packets) + std::string(part);
    while (::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL) < 0)
      if (errno != EINTR) return;
  } while (!message.empty());
}

// timed_out: not all of it came in time. unavailable: the other end is closed.
Result<std::string> receive(int fd, const std::optional<Deadline>& deadline = {}) {
  std::string message;
  char packet[packet_size];
  for (;;) {
    if (deadline && !is_readable(fd, *deadline)) return fail(ErrorKind::timed_out, "");
    const ssize_t n = ::recv(fd, packet, sizeof packet, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(ErrorKind::unavailable, "");
    message.append(packet + 1, static_cast<std::size_t>(n) - 1);
    if (packet[0] == last_packet) return message;
  }
}

// All that is there, or comes until the deadline; false: the other end is closed.
bool receive_output(int fd, const Deadline& deadline, std::string& out) {
  char buffer[packet_size];
  while (is_readable(fd, deadline)) {
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    if (out.size() < (32U << 20U)) out.append(buffer, static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<Child> Child::start(const std::function<void(const Tell&)>& work) {
  auto child =
      fork_child(SOCK_SEQPACKET, [&] { work([](const std::string& message) { send(channel, message); }); });
  if (!child) return fail(child.error());
  return Child(std::move(child->first), child->second);
}

void Child::tell(const std::string& message) const {
  send(fd_.get(), message);
}

Result<std::string> Child::hear(Milliseconds patience) const {
  return receive(fd_.get(), Deadline(patience));
}

Result<std::string> Child::next_from_parent() {
  return receive(channel);
}

int Child::pid() const {
  return pid_;
}

void Child::outlive_parent() {
  ::prctl(PR_SET_PDEATHSIG, 0);
}

void Child::leave() {
  fd_.reset();
  pid_ = 0;
}

int Child::end(Milliseconds patience) {
  fd_.reset();
  return pid_ == 0 ? 0 : end_child(std::exchange(pid_, 0), patience);
}

Result<void> run_detached(const std::function<void()>& work) {
  const int pid = ::fork();
  if (pid < 0) return fail(ErrorKind::failed, std::string("cannot start a process: ") + std::strerror(errno));
  if (pid > 0) return {};
  leave_parent(::open("/dev/null", O_RDWR));  // it talks to nobody
  work();
  ::_exit(0);
}

Result<std::string> run_program(const std::vector<std::string>& argv, Milliseconds timeout) {
  const Deadline deadline(timeout);
  // Made before the fork: between fork and exec only async-signal-safe calls are allowed.
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const auto& a : argv) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  std::array<char*, 3> environment{
      const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin"),
      const_cast<char*>("LC_ALL=C"), nullptr};
  auto child = fork_child(SOCK_STREAM, [&] {
    ::dup2(channel, 1);
    ::dup2(channel, 2);
    ::close(channel);
    ::execve(arguments[0], arguments.data(), environment.data());
    ::_exit(errno == ENOENT ? 127 : 126);
  });
  if (!child) return fail(child.error());
  std::string output;
  const std::string what = join(argv, " ");
  const Milliseconds look_again{20};
  int status = 0;
  for (bool is_open = true, ended = false; !ended;) {
    ended = ::waitpid(child->second, &status, WNOHANG) != 0;
    if (!ended && deadline.passed()) return fail(too_late(what, timeout, end_child(child->second)));
    // Once it has ended, what it printed last is there already.
    const Milliseconds wait = ended ? Milliseconds{0} : std::min(look_again, deadline.left());
    if (is_open)
      is_open = receive_output(child->first.get(), Deadline(wait), output);
    else if (!ended)
      std::this_thread::sleep_for(std::min(Milliseconds{1}, wait));
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 0) return output;
  if (code == 127) return fail(ErrorKind::not_found, argv[0] + " is not installed");
  if (code == 126) {
    const auto confined = confining(RealHost(""));
    return fail(
        ErrorKind::failed,
        argv[0] + " could not be executed" + (confined.by.empty() ? "" : ": " + confined.by + " denies it"),
        confined.remedy);
  }
  const std::string how = code < 0 ? "was killed by signal " + std::to_string(WTERMSIG(status))
                                   : "failed (" + std::to_string(code) + ")";
  const std::string said(trimmed(output));
  return fail(ErrorKind::failed, what + " " + how + (said.empty() ? "" : ": " + printable(said)));
}

Result<std::string> run_tool(const std::string& name, std::vector<std::string> arguments,
                             Milliseconds timeout) {
  // libvirt's AppArmor profile lets a confined hook run nothing from elsewhere. The last one is NixOS's.
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/run/current-system/sw/bin/"}) {
    if (!exists(folder + name)) continue;
    arguments.insert(arguments.begin(), folder + name);
    return run_program(arguments, timeout);
  }
  return fail(ErrorKind::not_found, name + " is not installed");
}

}  // namespace qh::host
