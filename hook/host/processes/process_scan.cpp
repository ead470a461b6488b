#include "host/processes/process_scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "core/file.h"
#include "core/text.h"

namespace qh::host {
namespace {

constexpr int none = -1, unreadable = -2, gone = -3;

bool is_denied(int error_number) {
  return error_number == EACCES || error_number == EPERM;
}

// Calls `act` with each name in an open folder. Its entries come straight from the kernel, by the hundred.
template <class Act>
void for_each_entry(int folder, std::vector<char>& buffer, const std::function<void()>& progress, Act act) {
  for (;; progress()) {
    const long n = ::syscall(SYS_getdents64, folder, buffer.data(), buffer.size());
    if (n <= 0) return;
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      if (entry->d_name[0] != '.' && !act(entry->d_name)) return;
    }
  }
}

struct Stat {
  char state = '\0';
  unsigned long flags = 0;
};

// Of /proc/PID/stat: "PID (NAME) STATE PPID PGRP SESSION TTY TPGID FLAGS …" (proc(5)). The name may hold
// anything.
Stat stat_of(int proc, int pid) {
  char text[1024];
  std::snprintf(text, sizeof text, "%d/stat", pid);
  const Fd fd(::openat(proc, text, O_RDONLY | O_CLOEXEC));
  const ssize_t n = fd ? ::read(fd.get(), text, sizeof text - 1) : 0;
  text[std::max<ssize_t>(n, 0)] = '\0';
  const char* after_name = std::strrchr(text, ')');
  Stat stat;
  if (after_name != nullptr)
    (void)std::sscanf(after_name + 1, " %c %*d %*d %*d %*d %*d %lu", &stat.state, &stat.flags);
  return stat;
}

}  // namespace

void Found::add(std::size_t index, bool mapped) {
  for (const auto& node : nodes)
    if (node.index == index) return;
  nodes.push_back({index, mapped});
}

ProcessScan::ProcessScan(int proc, const std::vector<DeviceNode>& nodes, bool by_text,
                         std::function<void()> progress)
    : proc_(proc), nodes_(nodes), by_text_(by_text), progress_(std::move(progress)), buffer_(1U << 16U) {}

// The node that a descriptor, a mapping or a path leads to, or none, unreadable, gone.
int ProcessScan::node_behind(int folder, const char* name) const {
  int node = none;
  struct statx status {};
  // DONT_SYNC: a file on a server that does not answer must not be waited for; a node's number is always
  // known.
  if (::statx(folder, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &status) == 0) {
    if (S_ISCHR(status.stx_mode) || S_ISBLK(status.stx_mode))
      for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (nodes_[i].is_block == S_ISBLK(status.stx_mode) && nodes_[i].minor == status.stx_rdev_minor &&
            nodes_[i].major == status.stx_rdev_major)
          return static_cast<int>(i);
  } else {
    node = is_denied(errno) ? unreadable : gone;
  }
  if (!by_text_) return node;
  char target[256];
  const ssize_t n = ::readlinkat(folder, name, target, sizeof target);
  return n > 0 ? node_with_path(target, static_cast<std::size_t>(n)) : node;
}

int ProcessScan::node_with_path(const char* path, std::size_t length) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].path == std::string_view(path, length)) return static_cast<int>(i);
  return none;
}

void ProcessScan::descriptors(const char* folder, Found& out) {
  const Fd fd(::openat(proc_, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    out.unreadable = out.unreadable || is_denied(errno);
    return;
  }
  for_each_entry(fd.get(), buffer_, progress_, [&](const char* name) {
    any_descriptor_ = true;
    const int node = node_behind(fd.get(), name);
    if (node >= 0) out.add(static_cast<std::size_t>(node), false);
    // The folder is there for root, what is in it only with the right to trace: AppArmor denies it for
    // programs that it confines. The others will be denied as well.
    if (node == unreadable) out.unreadable = true;
    return node != unreadable;
  });
}

// A process whose first thread has ended lives on in its other threads, and so do its descriptors: those of
// the first are none then.
void ProcessScan::descriptors_of_threads(int pid, Found& out) {
  char name[64];
  std::snprintf(name, sizeof name, "%d/task", pid);
  const Fd fd(::openat(proc_, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return;
  std::vector<int> threads;
  for_each_entry(fd.get(), buffer_, progress_, [&](const char* entry) {
    if (const int thread = static_cast<int>(std::strtol(entry, nullptr, 10)); thread != pid)
      threads.push_back(thread);
    return true;
  });
  for (const int thread : threads) {
    std::snprintf(name, sizeof name, "%d/task/%d/fd", pid, thread);
    descriptors(name, out);
    if (any_descriptor_) return;
  }
}

// One line of maps: "7f00-7f10 rw-s 00000000 00:06 412                        /dev/dri/card1".
// Device and inode there are those of the file system that has the node in it, which says nothing of the
// device that the node stands for, and the name is the one in the process's own mount namespace. So the file
// itself is asked: map_files/START-END leads to it as fd/N does (needs CAP_SYS_ADMIN or
// CAP_CHECKPOINT_RESTORE, proc_map_files_get_link in fs/proc/base.c); without that right it is unknown.
void ProcessScan::map_line(int pid, const char* line, const char* end, Found& out) {
  const char* field = line;
  for (int i = 0; i < 3 && field != nullptr; ++i) {
    field = static_cast<const char*>(std::memchr(field, ' ', static_cast<std::size_t>(end - field)));
    if (field != nullptr) ++field;
  }
  if (field == nullptr) return;
  // Memory that is no file's: device 00:00, inode 0.
  const std::string_view file(field, static_cast<std::size_t>(end - field));
  if (file.substr(0, 8) == "00:00 0 " || file == "00:00 0") return;
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char c : file) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  const auto known = known_files_.find(hash);
  int node = known != known_files_.end() ? known->second : none;
  if (known == known_files_.end()) {
    const std::string range(line, std::find(line, end, ' '));
    node = node_behind(proc_, (std::to_string(pid) + "/map_files/" + range).c_str());
    const auto slash = file.find('/');
    if (by_text_ && node < 0 && slash != std::string_view::npos)
      node = node_with_path(file.data() + slash, file.size() - slash);
    if (node == unreadable) out.unreadable = true;
    // Unmapped since the line was read: the next process that maps the file tells.
    if (node != gone) known_files_.emplace(hash, node);
  }
  if (node >= 0) out.add(static_cast<std::size_t>(node), true);
}

void ProcessScan::mappings(int pid, Found& out) {
  char name[64];
  std::snprintf(name, sizeof name, "%d/maps", pid);
  const Fd fd(::openat(proc_, name, O_RDONLY | O_CLOEXEC));
  if (!fd) {
    out.unreadable = out.unreadable || is_denied(errno);
    return;
  }
  std::size_t kept = 0;  // the beginning of a line that the last read cut
  for (;; progress_()) {
    const ssize_t n = ::read(fd.get(), buffer_.data() + kept, buffer_.size() - kept);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      // ESRCH: it has ended.
      out.unreadable = out.unreadable || (n < 0 && is_denied(errno));
      return;
    }
    const char* line = buffer_.data();
    const char* const all = line + kept + static_cast<std::size_t>(n);
    while (const auto* end =
               static_cast<const char*>(std::memchr(line, '\n', static_cast<std::size_t>(all - line)))) {
      map_line(pid, line, end, out);
      line = end + 1;
    }
    kept = static_cast<std::size_t>(all - line);
    if (kept == buffer_.size()) kept = 0;  // no line is that long
    std::memmove(buffer_.data(), line, kept);
  }
}

bool ProcessScan::is_kernel_thread(int pid) const {
  constexpr unsigned long kernel_thread = 0x00200000;  // PF_KTHREAD in include/linux/sched.h
  return (stat_of(proc_, pid).flags & kernel_thread) != 0;
}

// It has no files, and only waits for its parent.
bool ProcessScan::has_ended(int pid) const {
  const char state = stat_of(proc_, pid).state;
  return state == 'Z' || state == 'X';
}

void ProcessScan::look_at(int pid, Found& out) {
  any_descriptor_ = false;
  char name[64];
  std::snprintf(name, sizeof name, "%d/fd", pid);
  descriptors(name, out);
  if (!any_descriptor_ && !out.unreadable) descriptors_of_threads(pid, out);
  if (!out.unreadable) mappings(pid, out);
  if (out.unreadable && has_ended(pid)) out.unreadable = false;
}

}  // namespace qh::host
