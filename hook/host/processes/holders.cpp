#include "host/processes/holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "core/file.h"
#include "core/text.h"
#include "host/processes/child.h"
#include "host/processes/process.h"

namespace qh::host {
namespace {

// However many processes the kernel holds, a look at all of them takes no longer.
constexpr Milliseconds longest_look{15'000};

constexpr int none = -1, unreadable = -2, gone = -3;

bool is_denied(int error_number) {
  return error_number == EACCES || error_number == EPERM;
}

// The descriptors and mappings of processes, in the child. It tells the index of each node that it finds,
// with a "+" where that is mapped; then "=" at the end of the process, or "!" if it may not be looked at; and
// "." to show that it goes on.
class ProcessScan {
 public:
  ProcessScan(const Host& host, const std::vector<DeviceNode>& nodes, Milliseconds patience,
              const Child::Tell& tell)
      : host_(host), nodes_(nodes), patience_(patience), tell_(tell) {}

  // Descriptors first, then mappings: looking at those can block in the kernel.
  void look_at(int pid) {
    found_.clear();
    unreadable_ = false;
    const std::string folder = host_.root + "/proc/" + std::to_string(pid);
    // A process whose first thread has ended lives on in its other threads, and so do its descriptors: those
    // of the first are none then.
    if (!descriptors(folder + "/fd"))
      for (const auto& thread : list_folder(folder + "/task"))
        if (descriptors(folder + "/task/" + thread + "/fd")) break;
    if (!unreadable_) mappings(folder);
    // What has ended has no files to look at.
    const auto process = unreadable_ ? read_any_process(host_, pid) : std::nullopt;
    tell_(unreadable_ && !(process && process->has_ended()) ? "!" : "=");
  }

 private:
  // Whether there was any, or none may be looked at.
  bool descriptors(const std::string& folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
    if (!entries) {
      unreadable_ = is_denied(errno);
      return unreadable_;
    }
    bool any = false;
    while (const dirent* entry = ::readdir(entries.get())) {
      if (entry->d_name[0] == '.') continue;
      any = true;
      note(node_behind(::dirfd(entries.get()), entry->d_name), "");
      // The folder is there for root, what is in it only with the right to trace: AppArmor denies it for
      // programs that it confines. The others will be denied as well.
      if (unreadable_) break;
    }
    return any;
  }

  void mappings(const std::string& folder) {
    char buffer[65536], line[32768];  // no line is longer
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> maps(std::fopen((folder + "/maps").c_str(), "re"),
                                                               std::fclose);
    if (!maps) {
      unreadable_ = is_denied(errno);
      return;
    }
    std::setvbuf(maps.get(), buffer, _IOFBF, sizeof buffer);
    while (std::fgets(line, sizeof line, maps.get()) != nullptr) mapping(folder, line);
    // ESRCH: it has ended.
    if (std::ferror(maps.get()) != 0 && is_denied(errno)) unreadable_ = true;
  }

  // One line of maps: "7f00-7f10 rw-s 00000000 00:06 412                        /dev/dri/card1".
  // Device and inode there are those of the file system that has the node in it, which says nothing of the
  // device that the node stands for, and the name is the one in the process's own mount namespace. So the
  // file itself is asked: map_files/START-END leads to it as fd/N does (needs CAP_SYS_ADMIN or
  // CAP_CHECKPOINT_RESTORE, proc_map_files_get_link in fs/proc/base.c); without that right it is unknown.
  void mapping(const std::string& folder, std::string_view line) {
    std::string file(trimmed(line));
    for (int i = 0; i < 3; ++i) file.erase(0, file.find(' ') + 1);
    // Memory that is no file's: device 00:00, inode 0.
    if (file.starts_with("00:00 0 ") || file == "00:00 0") return;
    auto known = known_files_.find(file);
    if (known == known_files_.end()) {
      const std::string range(line.substr(0, line.find(' ')));
      int node = node_behind(AT_FDCWD, (folder + "/map_files/" + range).c_str());
      const auto slash = file.find('/');
      if (node < 0 && slash != std::string::npos && host_.is_copy())
        node = node_with_path(file.substr(slash));
      // Unmapped since the line was read: the next process that maps the file tells.
      if (node == gone) return;
      known = known_files_.emplace(file, node).first;
    }
    note(known->second, "+");
  }

  void note(int node, const char* how) {
    if (node == unreadable) unreadable_ = true;
    const bool is_new = node >= 0 && found_.insert(node).second;
    if (!is_new && told_.elapsed() < patience_ / 4) return;
    tell_(is_new ? std::to_string(node) + how : ".");
    told_ = {};
  }

  // The node that a descriptor or a mapping leads to, or none, unreadable, gone. In a copy of a host these
  // are links in files, and their text counts first: it may lead to another node of this host.
  int node_behind(int folder, const char* name) const {
    char target[256];
    const ssize_t n = host_.is_copy() ? ::readlinkat(folder, name, target, sizeof target) : 0;
    const std::string_view text(target, n > 0 ? static_cast<std::size_t>(n) : 0);
    if (text == "!") return unreadable;
    if (const int node = node_with_path(text); node != none) return node;
    struct statx status {};
    // DONT_SYNC: a file on a server that does not answer must not be waited for; a node's number is always
    // known.
    if (::statx(folder, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0)
      return is_denied(errno) ? unreadable : gone;
    if (!S_ISCHR(status.stx_mode) && !S_ISBLK(status.stx_mode)) return none;
    return index_of([&](const DeviceNode& d) {
      return d.is_block == S_ISBLK(status.stx_mode) && d.minor == status.stx_rdev_minor &&
             d.major == status.stx_rdev_major;
    });
  }

  int node_with_path(std::string_view path) const {
    return index_of([&](const DeviceNode& n) { return n.path == path; });
  }

  template <class Is>
  int index_of(Is is) const {
    const auto at = std::find_if(nodes_.begin(), nodes_.end(), is);
    return at == nodes_.end() ? none : static_cast<int>(at - nodes_.begin());
  }

  const Host& host_;
  const std::vector<DeviceNode>& nodes_;
  Milliseconds patience_;
  const Child::Tell& tell_;
  Stopwatch told_;       // since something was told
  std::set<int> found_;  // in this process
  bool unreadable_ = false;
  // What a mapped file turned out to be, by what maps says about it (device, inode, name): most processes map
  // the same few files.
  std::unordered_map<std::string, int> known_files_;
};

// All but the kernel's own threads, which have no files.
std::vector<int> all_pids(const Host& host) {
  std::vector<int> pids;
  const std::string noted = std::exchange(notebook, {});  // they are nobody's business
  for (const auto& name : host.list("/proc")) {
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const int pid = to_number<int>(name);
    const auto process = read_any_process(host, pid);
    if (!process || !process->is_kernel_thread()) pids.push_back(pid);
  }
  notebook = noted;
  std::sort(pids.begin(), pids.end());
  return pids;
}

// As a copy of the host shows it: a descriptor by the name of the node, a line of maps.
void note_holding(const Host& host, const Holder& holder) {
  const std::string folder = host.root + "/proc/" + std::to_string(holder.pid), &path = holder.node.path;
  if (holder.mapped)
    note(folder + "/maps", "0-1 rw-s 0 00:06 1 " + path + "\n");
  else
    note(folder + "/fd/" + replaced(path, '/', "!"), path);
}

}  // namespace

Holders find_holders(const Host& host, const std::vector<DeviceNode>& nodes, Milliseconds patience) {
  Holders out;
  if (nodes.empty()) return out;
  const auto pids = all_pids(host);
  const Deadline deadline(longest_look);
  // `found`: whether mapped, by the node's index. `end` is "?" where the child was held up.
  const auto add = [&](int pid, const std::map<int, bool>& found, const std::string& end) {
    const std::string command = end == "!" || !found.empty() ? command_name(host, pid) : "";
    if (end != "=") out.unknown.push_back(pid);
    if (end == "!") note(host.root + "/proc/" + std::to_string(pid) + "/fd/!", "!");
    if (end == "!") out.hidden.push_back(printable(command) + " (" + std::to_string(pid) + ")");
    for (const auto& [index, mapped] : found) {
      const auto& node = nodes[static_cast<std::size_t>(index)];
      out.holders.push_back({pid, command, node, mapped});
      note_holding(host, out.holders.back());
    }
  };
  std::size_t next = 0;
  while (next < pids.size() && !deadline.passed()) {
    auto child = Child::start([&](const Child::Tell& tell) {
      ProcessScan scan(host, nodes, patience, tell);
      for (std::size_t i = next; i < pids.size(); ++i) scan.look_at(pids[i]);
    });
    std::map<int, bool> found;
    while (child && next < pids.size() && !deadline.passed()) {
      const auto told = child->hear(patience);
      if (!told) break;
      if (told == "=" || told == "!")
        add(pids[next++], std::exchange(found, {}), *told);
      else if (told != ".")
        found.emplace(to_number<int>(*told), told->ends_with('+'));
    }
    if (child) child->end(Milliseconds{100});
    if (next < pids.size()) add(pids[next++], found, "?");
  }
  for (; next < pids.size(); ++next) add(pids[next], {}, "?");
  return out;
}

std::vector<Holder> holders_of(const Host& host, const std::vector<PciAddress>& devices) {
  auto nodes = device_nodes(host, devices);
  std::erase_if(nodes, [](const auto& node) { return node.kind == NodeKind::hot_plug; });
  return find_holders(host, nodes).holders;
}

bool is_persistence_daemon(const Holder& holder) {
  return holder.command == "nvidia-persiste";  // "comm" has 15 characters of a name
}

std::string describe(const std::vector<Holder>& holders) {
  std::vector<std::string> processes;
  for (std::size_t i = 0; i < holders.size();) {
    const Holder& first = holders[i];
    std::vector<std::string> nodes;
    for (; i < holders.size() && holders[i].pid == first.pid; ++i)
      nodes.push_back(holders[i].node.path + (holders[i].mapped ? " (mapped)" : ""));
    processes.push_back(printable(first.command) + " (" + std::to_string(first.pid) + ": " + join_few(nodes) +
                        ")");
  }
  return join_few(processes);
}

}  // namespace qh::host
