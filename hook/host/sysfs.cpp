#include "host/sysfs.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "core/file.h"
#include "core/text.h"
#include "host/storage/block_device.h"

namespace qh::host {
namespace {

// The PCI core prints these from its own memory, without any lock (pci_config_attr in
// drivers/pci/pci-sysfs.c). They are read of every function of the host, so they are read directly.
bool takes_no_lock(const std::string& path) {
  const auto name = std::string_view(path).substr(path.rfind('/') + 1);
  return path.starts_with("bus/pci/devices/") && (name == "vendor" || name == "device" || name == "class" ||
                                                  name == "subsystem_vendor" || name == "subsystem_device");
}

Result<std::string> first_bytes(const std::string& file, std::size_t limit) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail(system_error("read", file, errno));
  std::string text(limit, '\0');
  std::size_t size = 0;
  while (size < limit) {
    const ssize_t n = ::read(fd.get(), text.data() + size, limit - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("read", file, errno));
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  text.resize(size);
  return text;
}

}  // namespace

Result<std::string> Sysfs::read(const std::string& path) const {
  constexpr std::size_t page = 4096;  // no attribute of text is longer (Documentation/filesystems/sysfs.rst)
  auto text = read_bytes(path, page);
  if (text) *text = std::string(trimmed(*text));
  return text;
}

std::optional<std::string> Sysfs::link(const std::string& path) const {
  const auto target = link_target(path);
  if (!target) return std::nullopt;
  return target->substr(target->rfind('/') + 1);
}

bool RealSysfs::exists(const std::string& path) const {
  return qh::exists(base_ + path);
}

Result<std::string> RealSysfs::read_bytes(const std::string& path, std::size_t limit) const {
  const std::string file = base_ + path;
  if (takes_no_lock(path)) return first_bytes(file, limit);
  // An attribute that is not there is no reason to start a process.
  if (!qh::exists(file)) return fail(system_error("read", file, ENOENT));
  if (const auto stuck = stuck_.find(path); stuck != stuck_.end() && ::kill(stuck->second, 0) == 0) {
    Error error{ErrorKind::timed_out, "reading " + file + ": the kernel still holds it"};
    error.stuck_pid = stuck->second;
    return fail(std::move(error));
  }
  if (!reader_) {
    auto reader = Servant::start([](const std::string& question) {
      const auto blank = question.find(' ');
      return first_bytes(question.substr(blank + 1), std::stoul(question.substr(0, blank)));
    });
    if (!reader) return fail(reader.error());
    reader_.emplace(std::move(*reader));
  }
  auto bytes = reader_->ask("reading " + file, std::to_string(limit) + " " + file, attribute_timeout);
  if (bytes || !reader_->has_given_up()) return bytes;
  reader_.reset();
  if (bytes.error().stuck_pid != 0) stuck_[path] = bytes.error().stuck_pid;
  return bytes;
}

std::optional<std::string> RealSysfs::link_target(const std::string& path) const {
  return qh::link_target(base_ + path);
}

std::vector<std::string> RealSysfs::list(const std::string& path) const {
  return list_folder(base_ + path);
}

Result<void> RealSysfs::write(const std::string& path, const std::string& value, Milliseconds timeout,
                              const std::vector<std::string>& held) {
  const std::string file = base_ + path;
  const auto done = run_in_child("writing " + file, timeout, [&]() -> Result<std::string> {
    const auto disks = hold_exclusively(root_, held);
    if (!disks) return fail(disks.error());
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
