#include "config/store.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "core/file.h"
#include "core/text.h"

namespace qh::config {
namespace {

constexpr std::size_t largest_conf = 1U << 20U;
constexpr mode_t permissions = 07777;

struct Path {
  std::string folder;
  std::string name;
};

Path split_path(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

tl::unexpected<Error> cannot(const std::string& what, const std::string& path) {
  return fail(system_error(what, printable(path), errno));
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
    return fail(ErrorKind::refused,
                shown + " can be written by users other than its owner (mode " + mode + ")",
                "chmod go-w " + shown);
  }
  return {};
}

// Its files are then found through it, whatever is put in its place.
Result<Fd> open_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const int error = errno;
  if (!folder && link_target(path))
    return fail(ErrorKind::refused, printable(path) + " is a symbolic link", "put the folder itself there");
  if (!folder && error == ENOTDIR) return fail(ErrorKind::refused, printable(path) + " is not a folder");
  if (!folder) return fail(system_error("open", printable(path), error));
  struct stat status {};
  if (::fstat(folder.get(), &status) != 0) return cannot("look at", path);
  if (auto ok = trusted(path, status); !ok) return fail(ok.error());
  return folder;
}

tl::unexpected<Error> linked_file(const std::string& path) {
  return fail(ErrorKind::refused, printable(path) + " is a symbolic link", "put the file itself there");
}

// A file that is deleted again unless it is renamed. Its name is short, whatever the conf's is, and has no
// ".toml".
class TemporaryFile {
 public:
  explicit TemporaryFile(const Fd& folder) : folder_(folder), fd_(create()) {}
  ~TemporaryFile() {
    if (fd_ && !renamed_) ::unlinkat(folder_.get(), name_.c_str(), 0);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const Fd& fd() const { return fd_; }
  bool rename(const std::string& name) {
    renamed_ = ::renameat(folder_.get(), name_.c_str(), folder_.get(), name.c_str()) == 0;
    return renamed_;
  }

 private:
  int create() const {
    // The process id keeps others out; a killed process of the same id may have left a file.
    ::unlinkat(folder_.get(), name_.c_str(), 0);
    return ::openat(folder_.get(), name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  }

  const Fd& folder_;
  const std::string name_ = ".qemu-hook." + std::to_string(::getpid());
  Fd fd_;
  bool renamed_ = false;
};

Result<std::string> load_at(const Fd& folder, const std::string& path, const std::string& name) {
  const auto file = open_regular(printable(path), folder.get(), name.c_str());
  if (!file && link_target(path)) return linked_file(path);
  if (!file) return fail(file.error());
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return cannot("look at", path);
  if (auto ok = trusted(path, status); !ok) return fail(ok.error());
  return read_fd(file->get(), printable(path), largest_conf);
}

}  // namespace

Result<std::string> load(const std::string& path) {
  const Path at = split_path(path);
  // Also when the conf is not there: whoever may write in the folder may have taken it away.
  const auto folder = open_folder(at.folder);
  if (!folder) return fail(folder.error());
  return load_at(*folder, path, at.name);
}

Result<void> load_folder(const std::string& path, const EachConf& each) {
  const auto folder = open_folder(path);
  if (!folder && folder.error().is(ErrorKind::not_found)) return {};
  if (!folder) return fail(folder.error());
  for (const auto& name : list_folder(path))
    if (name.size() > 5 && name.ends_with(".toml"))
      each(path + "/" + name, load_at(*folder, path + "/" + name, name));
  return {};
}

Result<void> save(const std::string& path, std::string_view text) {
  const Path at = split_path(path);
  if (auto done = make_folders(at.folder); !done) return done;
  const auto folder = open_folder(at.folder);
  if (!folder) return fail(folder.error());

  struct stat old {};
  const bool exists = ::fstatat(folder->get(), at.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  if (!exists && errno != ENOENT) return cannot("look at", path);
  if (exists && S_ISLNK(old.st_mode)) return linked_file(path);
  if (exists && !S_ISREG(old.st_mode))
    return fail(ErrorKind::refused, printable(path) + " is not a regular file");

  TemporaryFile temporary(*folder);
  if (!temporary.fd()) return cannot("make a temporary file beside", path);
  const int fd = temporary.fd().get();
  // Before the mode is set: changing the owner clears bits of it.
  if (exists && ::fchown(fd, old.st_uid, old.st_gid) != 0) return cannot("keep the owner of", path);
  if (::fchmod(fd, exists ? old.st_mode & permissions : 0644) != 0) return cannot("keep the mode of", path);
  if (auto done = write_all(fd, text, printable(path)); !done) return done;
  if (::fsync(fd) != 0) return cannot("write", path);
  if (!temporary.rename(at.name)) return cannot("replace", path);
  return sync_folder(at.folder);
}

Result<void> rename(const std::string& path, const std::string& new_path) {
  const Path from = split_path(path), to = split_path(new_path);
  const auto folder = open_folder(from.folder);
  if (!folder) return fail(folder.error());
  if (::renameat2(folder->get(), from.name.c_str(), folder->get(), to.name.c_str(), RENAME_NOREPLACE) != 0)
    return cannot("rename", path);
  return sync_folder(from.folder);
}

}  // namespace qh::config
