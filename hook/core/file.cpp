#include "core/file.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>

namespace qh {

Error system_error(const std::string& what, const std::string& path, int error_number) {
  const bool absent = error_number == ENOENT || error_number == ENOTDIR;
  return Error{absent ? ErrorKind::not_found : ErrorKind::failed,
               "cannot " + what + " " + path + ": " + std::strerror(error_number)};
}

Result<std::string> read_fd(int fd, const std::string& name, std::size_t limit) {
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("read", name, errno));
    if (n == 0) {
      note(name, text);
      return text;
    }
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > limit)
      return fail(ErrorKind::bad_input, name + " is larger than " +
                                            (limit >> 20U != 0 ? std::to_string(limit >> 20U) + " MiB"
                                                               : std::to_string(limit) + " bytes"));
  }
}

Result<Fd> open_regular(const std::string& path, int folder, const char* name) {
  // Without O_NONBLOCK the open itself waits for a FIFO's other end; a terminal must not become ours.
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Fd fd(name != nullptr ? ::openat(folder, name, flags | O_NOFOLLOW) : ::open(path.c_str(), flags));
  struct stat status {};
  const bool is_socket = !fd && errno == ENXIO;
  if (!is_socket && (!fd || ::fstat(fd.get(), &status) < 0)) return fail(system_error("read", path, errno));
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::refused, path + " is not a regular file");
  return fd;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  return open_regular(path).and_then([&](const Fd& fd) { return read_fd(fd.get(), path, limit); });
}

Result<void> write_all(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("write", name, errno));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::optional<std::string> link_target(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
  if (n <= 0) return std::nullopt;
  return std::string(target, static_cast<std::size_t>(n));
}

std::vector<std::string> list_folder(const std::string& path) {
  note(path + "/");
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) return names;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> make_folders(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string folder = path.substr(0, at);
    const bool is_new = ::mkdir(folder.c_str(), 0755) == 0;
    if (!is_new && errno != EEXIST) return fail(system_error("make the folder", folder, errno));
    if (is_new && ::chmod(folder.c_str(), 0755) < 0)
      return fail(system_error("set the mode of", folder, errno));
    if (at == std::string::npos) return {};
  }
}

Result<void> sync_folder(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems have nothing to sync in a folder, and say so.
  const bool synced = fd && (::fsync(fd.get()) == 0 || errno == EINVAL || errno == ENOTSUP);
  if (!synced) return fail(system_error("sync the folder", path, errno));
  return {};
}

void note(const std::string& path, std::optional<std::string_view> text) {
  if (notebook.empty()) return;
  const std::string size = text ? std::to_string(text->size()) : "-";
  // Opened each time: a child has none of its parent's descriptors.
  const Fd fd(::open(notebook.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const auto note = (path + '\0' + size + '\0').append(text.value_or(""));
  if (!fd || !write_all(fd.get(), note, notebook)) ::unlink(notebook.c_str());
}

}  // namespace qh
