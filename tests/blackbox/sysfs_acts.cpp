// Loaded before libc into the hook and what it starts: a write to a control file of the tree's /sys takes
// effect in the writer's own call, as in sysfs. A few lines of the driver core, for hosts whose files may be
// damaged in any way: unbind, bind, drivers_probe with a driver_override, remove. What it cannot do, it
// leaves.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

// The control file's path below /sys/bus/pci; empty for any other file.
std::string control_file(int fd, const std::string& root) {
  char link[32], path[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(link, path, sizeof path);
  const std::string pci = root + "/sys/bus/pci/";
  const std::string file(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  return file.compare(0, pci.size(), pci) == 0 ? file.substr(pci.size()) : "";
}

std::string last_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string first_word(const std::string& file) {
  char text[256];
  const long fd = ::syscall(SYS_openat, AT_FDCWD, file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const ssize_t n = fd < 0 ? 0 : ::read(static_cast<int>(fd), text, sizeof text);
  if (fd >= 0) ::close(static_cast<int>(fd));
  const std::string all(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  return all.substr(0, all.find_first_of(" \n"));
}

void act(const std::string& pci, const std::string& control, const std::string& value) {
  const std::string name = last_of(control);
  const std::string device =
      pci + "devices/" + (name == "remove" ? last_of(control.substr(0, control.rfind('/'))) : value);
  const std::string driver_link = device + "/driver";
  const auto bind = [&](const std::string& driver) {
    (void)!::symlink(("../../drivers/" + driver).c_str(), driver_link.c_str());
  };
  if (name == "unbind") {
    ::unlink(driver_link.c_str());
  } else if (name == "bind") {
    bind(last_of(control.substr(0, control.rfind('/'))));
  } else if (name == "drivers_probe") {
    const std::string driver_override = first_word(device + "/driver_override");
    if (!driver_override.empty() && driver_override != "(null)" &&
        driver_override.find('/') == std::string::npos)
      bind(driver_override);
  } else if (name == "remove") {
    (void)!::rename(device.c_str(), (pci + "removed-" + last_of(device)).c_str());
  }
}

}  // namespace

extern "C" ssize_t write(int fd, const void* data, size_t size) {
  const ssize_t written = ::syscall(SYS_write, fd, data, size);
  const char* root = std::getenv("QEMU_HOOK_ROOT");
  if (written <= 0 || root == nullptr) return written;
  const std::string control = control_file(fd, root);
  if (control.empty()) return written;
  std::string value(static_cast<const char*>(data), static_cast<std::size_t>(written));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  if (value.find('/') == std::string::npos) act(std::string(root) + "/sys/bus/pci/", control, value);
  return written;
}
