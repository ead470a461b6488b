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

bool reap(int pid, Milliseconds within) {
  return Deadline(within).wait_for([&] {
    const int got = ::waitpid(pid, nullptr, WNOHANG);
    return got == pid || (got < 0 && errno == ECHILD);
  });
}

// Ends the child. Gives its pid if even SIGKILL does not end it: it sits in the kernel.
int end_child(int pid) {
  ::kill(pid, SIGKILL);
  return reap(pid, Milliseconds{1500}) ? 0 : pid;
}

Error too_late(const std::string& what, Milliseconds timeout, int stuck_pid) {
  Error error{ErrorKind::timed_out, what + ": not finished after " + std::to_string(timeout.count() / 1000) +
                                        "." + std::to_string(timeout.count() % 1000 / 100) + " s"};
  if (stuck_pid != 0) error.message += " (process " + std::to_string(stuck_pid) + " is stuck in the kernel)";
  error.stuck_pid = stuck_pid;
  return error;
}

// A result as bytes: '0', the text (which may hold any byte) and NUL; or the error's kind, message and
// remedy, each ended by NUL. The last byte tells that it is whole.
std::string packed(const Result<std::string>& result) {
  if (result) return std::string("0") + *result + '\0';
  const Error& e = result.error();
  return static_cast<char>('1' + static_cast<int>(e.kind)) + e.message + '\0' + e.remedy + '\0';
}

Result<std::string> unpacked(const std::string& bytes) {
  if (bytes.size() < 2 || bytes.back() != '\0')
    return fail(ErrorKind::failed, "the helper process ended early");
  if (bytes[0] == '0') return bytes.substr(1, bytes.size() - 2);
  const auto end = bytes.find('\0');
  const std::string text = bytes.substr(1, end - 1);
  const auto remedy_end = bytes.find('\0', end + 1);
  return fail(static_cast<ErrorKind>(bytes[0] - '1'), text, bytes.substr(end + 1, remedy_end - end - 1));
}

// A child for `work`, joined by a socket pair (SEQPACKET: one message is one answer, and its end is seen).
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

void send(int fd, const std::string& bytes) {
  while (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

// All that comes until the other end closes, or the deadline.
bool receive_all(int fd, const Deadline& deadline, std::string& out) {
  std::array<char, 65536> buffer{};
  for (;;) {
    pollfd p{fd, POLLIN, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(deadline.left().count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    if (out.size() < (32U << 20U)) out.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace

Result<std::string> run_in_child(const std::string& what, Milliseconds timeout,
                                 const std::function<Result<std::string>()>& work) {
  const Deadline deadline(timeout);
  auto child = fork_child(SOCK_STREAM, [&] {
    const std::string bytes = packed(work());
    std::string_view left = bytes;
    while (!left.empty()) {
      const ssize_t n = ::send(channel, left.data(), left.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EINTR) break;
      if (n > 0) left.remove_prefix(static_cast<std::size_t>(n));
    }
  });
  if (!child) return fail(child.error());
  std::string bytes;
  if (!receive_all(child->first.get(), deadline, bytes))
    return fail(too_late(what, timeout, end_child(child->second)));
  reap(child->second, Milliseconds{1000});
  auto result = unpacked(bytes);
  if (!result && bytes.empty()) return fail_in(what, result.error());
  return result;
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
  std::array<char*, 3> environment{const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
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
      is_open = !receive_all(child->first.get(), Deadline(wait), output);
    else if (!ended)
      std::this_thread::sleep_for(std::min(Milliseconds{1}, wait));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return fail(ErrorKind::not_found, argv[0] + " is not installed");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 126) {
    const std::string profile = confinement(RealHost(""));
    return fail(ErrorKind::failed,
                argv[0] + " could not be executed" +
                    (profile.empty() ? "" : ": the AppArmor profile " + printable(profile) + " denies it"),
                profile.empty() ? "" : link_remedy);
  }
  const std::string how = WIFSIGNALED(status) ? "was killed by signal " + std::to_string(WTERMSIG(status))
                                              : "failed (" + std::to_string(WEXITSTATUS(status)) + ")";
  const std::string said(trimmed(output));
  return fail(ErrorKind::failed, what + " " + how + (said.empty() ? "" : ": " + printable(said)));
}

Result<std::string> run_tool(const std::string& name, std::vector<std::string> arguments,
                             Milliseconds timeout) {
  // libvirt's AppArmor profile lets a confined hook run nothing from elsewhere.
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"}) {
    if (!exists(folder + name)) continue;
    arguments.insert(arguments.begin(), folder + name);
    return run_program(arguments, timeout);
  }
  return fail(ErrorKind::not_found, name + " is not installed");
}

void listen_to_child(const std::function<void(const Tell&)>& work,
                     const std::function<bool(std::string_view)>& hear, Milliseconds patience) {
  auto child = fork_child(SOCK_SEQPACKET, [&] {
    // The mark tells an empty piece from the end.
    work([](const std::string& piece) { send(channel, "=" + piece); });
  });
  if (!child) return;
  std::array<char, 65536> buffer{};
  for (;;) {
    pollfd p{child->first.get(), POLLIN, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(patience.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t n = ::recv(child->first.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    if (!hear({buffer.data() + 1, static_cast<std::size_t>(n) - 1})) break;
  }
  child->first.reset();
  ::kill(child->second, SIGKILL);
  reap(child->second, Milliseconds{100});  // one that the kernel holds is left behind
}

Result<Servant> Servant::start(const Answer& answer) {
  auto child = fork_child(SOCK_SEQPACKET, [&] {
    std::array<char, 65536> question{};
    for (;;) {
      const ssize_t n = ::recv(channel, question.data(), question.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;
      send(channel, packed(answer(std::string(question.data(), static_cast<std::size_t>(n)))));
    }
  });
  if (!child) return fail(child.error());
  return Servant(std::move(child->first), child->second);
}

void Servant::put(const std::string& question) {
  if (!fd_) return;
  send(fd_.get(), question);
  is_asked_ = true;
}

Result<std::string> Servant::answer(const std::string& what, Milliseconds timeout) {
  if (!fd_) return fail(ErrorKind::unavailable, what + ": given up before");
  const Deadline deadline(timeout);
  pollfd p{fd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&p, 1, static_cast<int>(deadline.left().count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    fd_.reset();
    return fail(too_late(what, timeout, end_child(std::exchange(pid_, 0))));
  }
  char buffer[65536];
  const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  is_asked_ = false;
  if (n <= 0) {
    fd_.reset();
    return fail(ErrorKind::unavailable, what + ": the helper process ended early");
  }
  return unpacked(std::string(buffer, static_cast<std::size_t>(n)));
}

Servant::~Servant() {
  if (!fd_) return;
  fd_.reset();  // the child sees the end of its questions
  if (is_asked_ || !reap(pid_, Milliseconds{500})) end_child(pid_);
}

}  // namespace qh::host
