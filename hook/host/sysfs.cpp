#include "host/sysfs.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/file.h"
#include "core/text.h"
#include "host/storage/block_device.h"

namespace qh::host {
namespace {

// No attribute of text is longer (Documentation/filesystems/sysfs.rst).
constexpr std::size_t page = 4096;

// The PCI core prints it from its own memory, without any lock (modalias_show in drivers/pci/pci-sysfs.c). It
// is read of every function of the host, so it is read directly.
bool takes_no_lock(const std::string& path) {
  return path.starts_with("bus/pci/devices/") && path.ends_with("/modalias");
}

Result<std::string> first_bytes(const std::string& file, std::size_t limit) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail(system_error("read", file, errno));
  char buffer[page];
  ssize_t n = 0;
  // One read gives all of it (kernfs_file_read_iter, and for text seq_read_iter, in the kernel's fs/).
  do n = ::read(fd.get(), buffer, std::min(limit, page));
  while (n < 0 && errno == EINTR);
  if (n < 0) return fail(system_error("read", file, errno));
  std::string text(buffer, static_cast<std::size_t>(n));
  note(file, text);
  return text;
}

Result<std::string> write_attribute(const std::string& file, std::string_view value, const std::string& root,
                                    const std::vector<std::string>& held) {
  const auto disks = hold_exclusively(root, held);
  if (!disks) return fail(disks.error());
  // Truncated as a shell's redirection does it: the kernel does not care, plain files in a test's tree do.
  const Fd fd(::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd) return fail(system_error("open", file, errno));
  if (const auto written = write_all(fd.get(), value, file); !written) return fail(written.error());
  return std::string();
}

// No path and no value holds it.
constexpr std::string_view separator("\0", 1);

// In the child: "read", a file and how many bytes; "open" and a file; "write", a file, the value and the
// nodes to be held.
Result<std::string> serve(const std::string& root, const std::string& question) {
  const auto words = split(question, separator[0]);
  const std::string file(words[1]);
  if (words[0] == "read") return first_bytes(file, std::stoul(std::string(words[2])));
  if (words[0] == "open") {
    const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
    return fd ? Result<std::string>("") : fail(system_error("open", file, errno));
  }
  return write_attribute(file, words[2], root, std::vector<std::string>(words.begin() + 3, words.end()));
}

}  // namespace

Result<std::string> Sysfs::read(const std::string& path) const {
  auto text = read_bytes(path, page);
  if (text) *text = std::string(trimmed(*text));
  return text;
}

std::optional<std::string> Sysfs::link(const std::string& path) const {
  const auto target = link_target(path);
  if (!target) return std::nullopt;
  return target->substr(target->rfind('/') + 1);
}

Result<std::string> Sysfs::read_bytes(const std::string& path, std::size_t limit) const {
  const std::string file = base_ + path;
  if (takes_no_lock(path)) return first_bytes(file, limit);
  // An attribute that is not there is no reason to start a process.
  if (!qh::exists(file)) return fail(system_error("read", file, ENOENT));
  if (const auto stuck = stuck_.find(path); stuck != stuck_.end() && ::kill(stuck->second, 0) == 0)
    return fail(
        Error{ErrorKind::timed_out, "reading " + file + ": the kernel still holds it", {}, stuck->second});
  auto bytes =
      ask("reading " + file, join({"read", file, std::to_string(limit)}, separator), attribute_timeout);
  if (!bytes && bytes.error().stuck_pid != 0) stuck_[path] = bytes.error().stuck_pid;
  return bytes;
}

Result<std::string> Sysfs::ask(const std::string& what, const std::string& question,
                               Milliseconds timeout) const {
  if (!servant_) {
    auto servant = Servant::start([root = root_](const std::string& asked) { return serve(root, asked); });
    if (!servant) return fail(servant.error());
    servant_.emplace(std::move(*servant));
  }
  auto done = servant_->ask(what, question, timeout);
  if (servant_->has_given_up()) servant_.reset();
  return done;
}

Result<void> Sysfs::write(const std::string& path, const std::string& value, Milliseconds timeout,
                          const std::vector<std::string>& held) {
  const std::string file = base_ + path;
  std::vector<std::string> words{"write", file, value};
  words.insert(words.end(), held.begin(), held.end());
  return outcome(ask("writing " + file, join(words, separator), timeout));
}

}  // namespace qh::host
