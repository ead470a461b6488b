#include "blackbox/terminal.h"

#include <doctest/doctest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace qh::blackbox {

std::string on_terminal(const Program& p, const std::vector<std::string>& arguments, const std::string& input,
                        int& status) {
  int terminal = -1;
  const int pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    ::setenv("QEMU_HOOK_ROOT", p.root.path().c_str(), 1);
    ::setenv("LD_LIBRARY_PATH", QH_STAND_IN_FOLDER, 1);
    std::vector<char*> argv{const_cast<char*>("qemu-hook")};
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    ::execv(QH_PROGRAM, argv.data());
    ::_exit(98);
  }
  CHECK(::write(terminal, input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  std::string out;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(terminal, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(n));
  int wait_status = 0;
  ::waitpid(pid, &wait_status, 0);
  status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
  ::close(terminal);
  return out;
}

}  // namespace qh::blackbox
