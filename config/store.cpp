#include "config/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "core/text.h"

namespace qh::config {
namespace {

constexpr off_t largest_conf = 1 << 20;
constexpr mode_t permissions = 07777;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // close() that tells: some file systems only then say that the disk is full.
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

struct Path {
  std::string folder;
  std::string name;
};

Path split_path(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

tl::unexpected<Error> system_error(const std::string& path, const std::string& what, int error) {
  return fail(error == ENOENT ? ErrorKind::not_found : ErrorKind::failed,
              printable(path) + ": " + what + ": " + std::strerror(error));
}

// Whoever may write here decides what this program, as root, does to the host.
Result<void> trusted(const std::string& path, const struct stat& status) {
  const std::string shown = printable(path);
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return fail(ErrorKind::refused, shown + " belongs to user " + std::to_string(status.st_uid),
                "chown root " + shown);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(status.st_mode & permissions));
    return fail(ErrorKind::refused, shown + " can be written by others than its owner (mode " + mode + ")",
                "chmod go-w " + shown);
  }
  return {};
}

Result<void> trusted_folder(const std::string& path, const Fd& folder) {
  struct stat status {};
  if (::fstat(folder.get(), &status) != 0) return system_error(path, "cannot be looked at", errno);
  return trusted(path, status);
}

int open_folder(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

tl::unexpected<Error> no_folder(const std::string& path, int error) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode))
    return fail(ErrorKind::refused, printable(path) + " is a symbolic link", "put the folder itself there");
  return system_error(path, "cannot be opened", error);
}

tl::unexpected<Error> not_a_file(const std::string& path, mode_t mode) {
  if (S_ISLNK(mode))
    return fail(ErrorKind::refused, printable(path) + " is a symbolic link", "put the file itself there");
  return fail(ErrorKind::refused, printable(path) + " is not a regular file");
}

Result<std::string> read_all(const std::string& path, const Fd& file) {
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "cannot be read", errno);
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > static_cast<std::size_t>(largest_conf))
      return fail(ErrorKind::refused, printable(path) + " is larger than 1 MiB, it is no conf");
  }
}

// mkdir -p, each new folder 0755 whatever the umask.
Result<void> make_folders(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) {
    if (::chmod(path.c_str(), 0755) != 0) return system_error(path, "cannot set its mode", errno);
    return {};
  }
  if (errno == EEXIST) return {};
  const std::string parent = split_path(path).folder;
  if (errno != ENOENT || parent == path) return system_error(path, "cannot be made", errno);
  if (auto done = make_folders(parent); !done) return done;
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return system_error(path, "cannot be made", errno);
  if (::chmod(path.c_str(), 0755) != 0) return system_error(path, "cannot set its mode", errno);
  return {};
}

int write_all(const Fd& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

// To be called before the mode is set: changing the owner clears bits of it.
Result<void> keep_owner(const std::string& path, int fd, const struct stat& old) {
  struct stat now {};
  if (::fstat(fd, &now) != 0) return system_error(path, "cannot be looked at", errno);
  if (now.st_uid == old.st_uid && now.st_gid == old.st_gid) return {};
  if (::fchown(fd, old.st_uid, old.st_gid) != 0) return system_error(path, "cannot keep its owner", errno);
  return {};
}

// A file that is deleted again unless it is renamed. Its name is short, whatever the conf's is, and has no
// ".toml".
class TemporaryFile {
 public:
  explicit TemporaryFile(const Fd& folder) : folder_(folder), fd_(create()) {}
  ~TemporaryFile() {
    if (!name_.empty()) ::unlinkat(folder_.get(), name_.c_str(), 0);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  Fd& fd() { return fd_; }
  bool rename(const std::string& name) {
    if (::renameat(folder_.get(), name_.c_str(), folder_.get(), name.c_str()) != 0) return false;
    name_.clear();
    return true;
  }

 private:
  int create() {
    // The process id keeps others out; a file that a killed process of the same id left, the number.
    for (int i = 0; i < 100; ++i) {
      const std::string name = ".qemu-hook." + std::to_string(::getpid()) + "." + std::to_string(i);
      const int fd =
          ::openat(folder_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
      if (fd >= 0) name_ = name;
      if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
  }

  const Fd& folder_;
  std::string name_;
  Fd fd_;
};

Result<std::string> load_at(const Fd& folder, const std::string& path, const std::string& name) {
  // O_NONBLOCK: a FIFO in the conf's place must not stop every guest of the host.
  const Fd file(
      ::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file && errno == ELOOP) return not_a_file(path, S_IFLNK);
  if (!file && errno == ENXIO) return not_a_file(path, S_IFSOCK);
  if (!file) return system_error(path, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(path, "cannot be looked at", errno);
  if (!S_ISREG(status.st_mode)) return not_a_file(path, status.st_mode);
  if (auto ok = trusted(path, status); !ok) return fail(ok.error());
  return read_all(path, file);
}

std::vector<std::string> conf_names(const std::string& folder) {
  constexpr std::string_view suffix = ".toml";
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix)
      names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<std::string> load(const std::string& path) {
  const Path at = split_path(path);
  const Fd folder(open_folder(at.folder));
  if (!folder) return no_folder(at.folder, errno);
  // Also when the conf is not there: whoever may write here may have taken it away.
  if (auto ok = trusted_folder(at.folder, folder); !ok) return fail(ok.error());
  return load_at(folder, path, at.name);
}

Result<void> load_folder(const std::string& path, const EachConf& each) {
  const Fd folder(open_folder(path));
  if (!folder && errno == ENOENT) return {};
  if (!folder) return no_folder(path, errno);
  if (auto ok = trusted_folder(path, folder); !ok) return ok;
  for (const auto& name : conf_names(path)) each(path + "/" + name, load_at(folder, path + "/" + name, name));
  return {};
}

Result<void> save(const std::string& path, std::string_view text) {
  const Path at = split_path(path);
  if (auto done = make_folders(at.folder); !done) return done;
  const Fd folder(open_folder(at.folder));
  if (!folder) return no_folder(at.folder, errno);
  if (auto ok = trusted_folder(at.folder, folder); !ok) return ok;

  struct stat old {};
  const bool exists = ::fstatat(folder.get(), at.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  if (!exists && errno != ENOENT) return system_error(path, "cannot be looked at", errno);
  if (exists && !S_ISREG(old.st_mode)) return not_a_file(path, old.st_mode);

  TemporaryFile temporary(folder);
  if (!temporary.fd()) return system_error(path, "cannot make a temporary file beside it", errno);
  const int fd = temporary.fd().get();
  if (exists)
    if (auto done = keep_owner(path, fd, old); !done) return done;
  if (::fchmod(fd, exists ? old.st_mode & permissions : 0644) != 0)
    return system_error(path, "cannot keep its mode", errno);
  if (const int error = write_all(temporary.fd(), text))
    return system_error(path, "cannot be written", error);
  if (::fsync(fd) != 0 || !temporary.fd().close()) return system_error(path, "cannot be written", errno);
  if (!temporary.rename(at.name)) return system_error(path, "cannot be replaced", errno);
  // The new text is there; without this it could be the old one again after a power failure. Not every file
  // system can.
  if (::fsync(folder.get()) != 0 && errno != EINVAL && errno != ENOTSUP)
    return system_error(path, "is written, but perhaps not to the disk", errno);
  return {};
}

}  // namespace qh::config
