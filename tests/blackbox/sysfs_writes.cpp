// Loaded before libc into the hook and what it starts. A write to a control file of the tree's /sys returns
// when the model of the kernel has answered it, as in sysfs, where the driver core works in the writer's own
// call. And what the hook's own process opens, not its children, is noted in the file `opens` of the tree.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace {

bool is_control_file(int fd) {
  const char* root = std::getenv("QEMU_HOOK_ROOT");
  char link[32], path[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = root != nullptr ? ::readlink(link, path, sizeof path - 1) : -1;
  if (length < 0) return false;
  path[length] = '\0';
  const std::size_t root_length = std::strlen(root);
  if (std::strncmp(path, root, root_length) != 0 ||
      std::strncmp(path + root_length, "/sys/bus/pci/", 13) != 0)
    return false;
  const char* name = std::strrchr(path, '/') + 1;
  for (const char* control : {"unbind", "bind", "drivers_probe", "rescan", "remove"})
    if (std::strcmp(name, control) == 0) return true;
  return false;
}

const pid_t main_process = ::getpid();

void note(const char* path) {
  const char* root = std::getenv("QEMU_HOOK_ROOT");
  if (root == nullptr || ::getpid() != main_process || std::strncmp(path, root, std::strlen(root)) != 0)
    return;
  char file[PATH_MAX], line[PATH_MAX];
  std::snprintf(file, sizeof file, "%s/opens", root);
  const int length = std::snprintf(line, sizeof line, "%s\n", path + std::strlen(root));
  const long fd = ::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return;  // the test has not asked for it
  (void)!::syscall(SYS_write, fd, line, length);
  ::close(static_cast<int>(fd));
}

}  // namespace

extern "C" int open(const char* path, int flags, ...) {
  note(path);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

extern "C" ssize_t write(int fd, const void* data, size_t size) {
  const ssize_t written = ::syscall(SYS_write, fd, data, size);
  if (written <= 0 || !is_control_file(fd)) return written;
  struct stat status;
  const timespec pause{0, 200'000};
  // The model empties the file when it is done. Nobody there to answer: the test says so itself, after 10 s.
  for (int i = 0; i < 50'000 && ::fstat(fd, &status) == 0 && status.st_size > 0; ++i)
    ::nanosleep(&pause, nullptr);
  return written;
}
