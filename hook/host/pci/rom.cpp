#include "host/pci/rom.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/file.h"
#include "core/text.h"
#include "host/processes/child.h"

namespace qh::host {
namespace {

// The user that QEMU runs as.
struct User {
  std::string name;
  unsigned long uid = 0;
  std::vector<unsigned long> groups;
};

bool is_one_of(std::string_view name, std::string_view list) {
  const auto all = split(list, ',');
  return std::any_of(all.begin(), all.end(), [&](const auto one) { return trimmed(one) == name; });
}

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
  if (configured.compare(0, 1, "+") == 0)
    return User{configured.substr(1), std::strtoul(configured.c_str() + 1, nullptr, 10), {}};
  const auto users = host.read("/etc/passwd").value_or("");
  const auto groups = host.read("/etc/group").value_or("");
  const std::vector<std::string> names =
      configured.empty() ? std::vector<std::string>{"libvirt-qemu", "qemu"} : std::vector{configured};
  for (const auto& name : names) {
    for (const auto line : split(users, '\n')) {
      const auto field = split(line, ':');
      if (field.size() < 4 || field[0] != name) continue;
      User user{name,
                std::strtoul(std::string(field[2]).c_str(), nullptr, 10),
                {std::strtoul(std::string(field[3]).c_str(), nullptr, 10)}};
      for (const auto group : split(groups, '\n')) {
        const auto part = split(group, ':');
        if (part.size() >= 4 && is_one_of(name, part[3]))
          user.groups.push_back(std::strtoul(std::string(part[2]).c_str(), nullptr, 10));
      }
      return user;
    }
  }
  return std::nullopt;
}

// Whether the user has the right (4: to read, 1: to pass through a folder) by the file's mode. With an access
// control list the mode does not say: taken for granted.
bool may(const User& user, const std::string& path, unsigned right) {
  struct stat status {};
  if (user.uid == 0 || ::stat(path.c_str(), &status) < 0) return true;
  if (::getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0) return true;
  unsigned shift = 0;
  if (status.st_uid == user.uid)
    shift = 6;
  else
    for (const auto group : user.groups)
      if (group == status.st_gid) shift = 3;
  return ((status.st_mode >> shift) & right) != 0;
}

std::string problem_with_rights(const Host& host, const std::string& path) {
  const auto user = qemu_user(host);
  if (!user) return {};
  const std::string who = "QEMU (user " + printable(user->name) + ") cannot read the ROM file ";
  for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (!may(*user, host.path(folder), 1))
      return who + printable(path) + ": the folder " + printable(folder) + " is closed to it";
  }
  return may(*user, host.path(path), 4) ? "" : who + printable(path) + ": its mode does not allow it";
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
