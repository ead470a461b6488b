#include "host/sysfs.h"

#include <cerrno>
#include <climits>

#include "core/text.h"
#include "host/child.h"
#include "host/file.h"

namespace qh::host {

bool RealSysfs::exists(const std::string& path) const {
  return host::exists(base_ + path);
}

std::optional<std::string> RealSysfs::read(const std::string& path) const {
  const auto text = read_file(base_ + path);
  if (!text) return std::nullopt;
  return std::string(trimmed(*text));
}

Result<std::string> RealSysfs::read_locked(const std::string& path, Milliseconds timeout) const {
  const std::string file = base_ + path;
  auto text = run_in_child("reading " + file, timeout, [&] { return read_file(file); });
  if (text) *text = std::string(trimmed(*text));
  return text;
}

Result<std::string> RealSysfs::read_bytes(const std::string& path, std::size_t limit) const {
  const std::string file = base_ + path;
  return run_in_child("reading " + file, Milliseconds{2000}, [&]() -> Result<std::string> {
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail(system_error("open", file, errno));
    std::string bytes(limit, '\0');
    const ssize_t n = ::read(fd.get(), bytes.data(), limit);
    if (n < 0) return fail(system_error("read", file, errno));
    bytes.resize(static_cast<std::size_t>(n));
    return bytes;
  });
}

std::optional<std::string> RealSysfs::link(const std::string& path) const {
  char target[PATH_MAX];
  const ssize_t n = ::readlink((base_ + path).c_str(), target, sizeof target);
  if (n <= 0) return std::nullopt;
  const std::string text(target, static_cast<std::size_t>(n));
  return text.substr(text.rfind('/') + 1);
}

std::vector<std::string> RealSysfs::list(const std::string& path) const {
  return list_folder(base_ + path);
}

Result<void> RealSysfs::write(const std::string& path, const std::string& value, Milliseconds timeout) {
  const std::string file = base_ + path;
  const auto done = run_in_child("writing " + file, timeout, [&]() -> Result<std::string> {
    // Truncated as a shell's redirection does it: the kernel does not care, plain files in a test's tree do.
    const Fd fd(::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    if (!fd) return fail(system_error("open", file, errno));
    if (const auto written = write_all(fd.get(), value, file); !written) return fail(written.error());
    return std::string();
  });
  if (!done) return fail(done.error());
  return {};
}

}  // namespace qh::host
