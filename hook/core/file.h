// Reads and writes files; errors carry the errno.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace qh {

// An open file descriptor, closed at the end.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// "cannot WHAT PATH: REASON", not_found where the errno says so.
Error system_error(const std::string& what, const std::string& path, int error_number);

// Opens a regular file for reading. Never waits: whatever else stands there (a FIFO, a device, a folder) is
// refused. With a name: opened by that name in the open folder, and a symbolic link fails with ELOOP; the
// path is then only for the error.
Result<Fd> open_regular(const std::string& path, int folder = -1, const char* name = nullptr);

// The whole of a regular file, at most `limit` bytes (more: bad_input). Does not follow the kernel's notion
// of size, so it serves /proc and /sys as well.
Result<std::string> read_file(const std::string& path, std::size_t limit = 1U << 20U);
Result<std::string> read_fd(int fd, const std::string& name, std::size_t limit);

Result<void> write_all(int fd, std::string_view text, const std::string& name);

bool exists(const std::string& path);
// A symbolic link's target; nothing if it is none.
std::optional<std::string> link_target(const std::string& path);
// Names in a folder, sorted, without "." and ".."; empty if it cannot be read.
std::vector<std::string> list_folder(const std::string& path);
// The folder and its parents; new ones get 0755, whatever the umask.
Result<void> make_folders(const std::string& path);
// Makes what happened in a folder (a rename, a removal) durable.
Result<void> sync_folder(const std::string& path);

// For --report, a file in which is written down what is read, also by children; empty: nothing is. It is
// removed when it cannot take all.
inline std::string notebook;
// Somebody looks at `path`, at "PATH/" for the names in it. With a text: this is what was read there, or all
// of it that matters; the last note counts.
void note(const std::string& path, std::optional<std::string_view> text = {});

}  // namespace qh
