#include "host/storage/block_device.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/deadline.h"

namespace qh::host {
namespace {

// Without O_CREAT, O_EXCL asks a block device whether anything in the kernel or any program has claimed it: a
// mount, a member of a pool, mkfs (open(2); bd_prepare_to_claim in block/bdev.c). O_NONBLOCK: an empty drive
// is not waited for.
Exclusive try_open(const std::string& node, Fd& fd) {
  struct stat status {};
  if (::stat(node.c_str(), &status) < 0 || !S_ISBLK(status.st_mode)) return Exclusive::absent;
  fd = Fd(::open(node.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC));
  if (fd) return Exclusive::free;
  if (errno == EBUSY) return Exclusive::busy;
  return errno == ENOMEDIUM || errno == ENXIO || errno == ENODEV ? Exclusive::free : Exclusive::unknown;
}

}  // namespace

Exclusive open_exclusively(const std::string& node) {
  Fd fd;
  return try_open(node, fd);
}

Result<std::vector<Fd>> hold_exclusively(const std::string& root, const std::vector<std::string>& nodes) {
  std::vector<Fd> held;
  for (const auto& node : nodes) {
    Fd fd;
    const bool is_free =
        Deadline(Milliseconds{200}).wait_for([&] { return try_open(root + node, fd) != Exclusive::busy; });
    if (!is_free)
      return fail(ErrorKind::refused,
                  node + " is now in use: it is mounted, or a program has it open exclusively",
                  "stop using it first");
    if (fd) held.push_back(std::move(fd));
  }
  return held;
}

}  // namespace qh::host
