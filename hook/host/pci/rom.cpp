#include "host/pci/rom.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "core/file.h"
#include "core/text.h"
#include "host/processes/child.h"

namespace qh::host {
namespace {

// The user that QEMU runs as.
struct User {
  std::string shown;  // as qemu.conf has it
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// `user = "root"` in /etc/libvirt/qemu.conf, without which it is what the distribution's package was built
// with: "libvirt-qemu" (Debian, Arch) or "qemu" (Fedora, openSUSE).
std::string configured_user(const Host& host) {
  const auto text = host.read("/etc/libvirt/qemu.conf").value_or("");
  for (const auto line : split(text, '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || trimmed(line.substr(0, equals)) != "user") continue;
    auto value = trimmed(line.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\''))
      value = value.substr(1, value.find(value.front(), 1) - 1);
    return std::string(value);
  }
  return {};
}

// Nothing if it cannot be told; then nothing is said about rights.
std::optional<User> qemu_user(const Host& host) {
  const std::string configured = configured_user(host);
  const auto users = host.read("/etc/passwd").value_or("");
  for (const std::string& wanted :
       configured.empty() ? std::vector<std::string>{"libvirt-qemu", "qemu"} : std::vector{configured})
    for (const auto line : split(users, '\n')) {
      const auto field = split(line, ':');
      if (field.size() < 4) continue;
      const bool by_number = wanted.starts_with('+');
      const std::string shown = by_number ? wanted.substr(1) : wanted;
      if (shown != field[by_number ? 2 : 0]) continue;
      note(host.path("/etc/passwd"), line);
      return User{shown, std::string(field[0]), to_number<uid_t>(field[2]), to_number<gid_t>(field[3])};
    }
  return std::nullopt;
}

// Gives this process the user's rights, for good. False: it still has its own.
bool become(const User& user) {
  return ::geteuid() == 0 && ::initgroups(user.name.c_str(), user.gid) == 0 && ::setgid(user.gid) == 0 &&
         ::setuid(user.uid) == 0;
}

// By the mode alone (R_OK and X_OK are its bits), where this process cannot become the user. A group, or an
// access control list, whose mask the group's bits show, may give the right: taken for granted.
bool mode_allows(const User& user, const std::string& path, int right) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return true;
  const auto bits = static_cast<unsigned>(right);
  return (status.st_mode & (status.st_uid == user.uid ? bits << 6U : bits << 3U | bits)) != 0;
}

// May leave this process as the user, so a child calls it last.
std::string problem_with_rights(const Host& host, const std::string& path) {
  const auto user = qemu_user(host);
  if (!user || user->uid == 0) return {};
  const bool is_user = !host.is_copy() && become(*user);
  const auto may = [&](const std::string& file, int right) {
    if (!is_user) return mode_allows(*user, host.path(file), right);
    return ::access(file.c_str(), right) == 0 || errno != EACCES;
  };
  const std::string who = "QEMU (user " + printable(user->shown) + ") cannot read the ROM file ";
  for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (!may(folder, X_OK))
      return who + printable(path) + ": the folder " + printable(folder) + " is closed to it";
  }
  return may(path, R_OK) ? "" : who + printable(path) + ": its mode does not allow it";
}

// Empty: nothing is wrong.
std::string problem(const Host& host, const std::string& path) {
  const std::string what = "the ROM file " + printable(path);
  const std::string file = host.path(path);
  struct stat status {};
  if (::stat(file.c_str(), &status) < 0)
    return what + (errno == ENOENT ? " does not exist"
                                   : std::string(" cannot be looked at: ") + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return what + " is not a file";
  const Fd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return what + " cannot be read: " + std::strerror(errno);
  // PCI Local Bus Specification 3.0, 6.3.1.1: the header of each image begins so. A dump of a card that the
  // host's firmware has used begins otherwise often enough.
  std::array<unsigned char, 2> begin{};
  if (::read(fd.get(), begin.data(), begin.size()) != static_cast<ssize_t>(begin.size()))
    return what + " is empty";
  note(file, std::string(begin.begin(), begin.end()));
  if (begin[0] != 0x55 || begin[1] != 0xaa) {
    std::array<char, 8> found{};
    std::snprintf(found.data(), found.size(), "%02X %02X", begin[0], begin[1]);
    return what + " does not begin with 55 AA (but with " + found.data() +
           "): it is not a PCI ROM, or it has a header that must be cut off";
  }
  return problem_with_rights(host, path);
}

}  // namespace

std::optional<std::string> rom_problem(const Host& host, const std::string& path) {
  // It may lie on a server that does not answer.
  const auto found = run_in_child("reading " + path, Milliseconds{1000},
                                  [&]() -> Result<std::string> { return problem(host, path); });
  if (!found) return "the ROM file " + printable(path) + " cannot be read: " + found.error().message;
  if (found->empty()) return std::nullopt;
  return *found;
}

}  // namespace qh::host
