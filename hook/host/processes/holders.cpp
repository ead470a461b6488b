#include "host/processes/holders.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/file.h"
#include "core/text.h"
#include "host/processes/child.h"
#include "host/processes/process.h"
#include "host/processes/process_scan.h"

namespace qh::host {
namespace {

// However many processes the kernel holds, a look at all of them takes no longer.
constexpr Milliseconds longest_look{15'000};

std::vector<int> all_pids(const Host& host) {
  std::vector<int> pids;
  for (const auto& name : host.list("/proc")) {
    char* rest = nullptr;
    const long pid = std::strtol(name.c_str(), &rest, 10);
    if (pid > 0 && *rest == '\0') pids.push_back(static_cast<int>(pid));
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

// What the child says of one process: "", or "!" for one that it may not look at, then " INDEX" or " INDEX+"
// (mapped) for each node.
std::string to_line(Found found) {
  std::sort(found.nodes.begin(), found.nodes.end(),
            [](const auto& a, const auto& b) { return a.index < b.index; });
  std::string line = found.unreadable ? "!" : "";
  for (const auto& node : found.nodes) line += " " + std::to_string(node.index) + (node.mapped ? "+" : "");
  return line;
}

void add(const Host& host, const std::vector<DeviceNode>& nodes, int pid, std::string_view line,
         Holders& out) {
  const bool hidden = line.starts_with('!');
  if (hidden || line.starts_with('?')) out.unknown.push_back(pid);
  const auto at = line.find(' ');
  if (at == std::string_view::npos && !hidden) return;
  const std::string command = command_name(host, pid);
  if (hidden) out.hidden.push_back(printable(command) + " (" + std::to_string(pid) + ")");
  if (at == std::string_view::npos) return;
  for (const auto word : split(line.substr(at + 1), ' ')) {
    const auto index = std::strtoul(std::string(word).c_str(), nullptr, 10);
    if (index < nodes.size()) out.holders.push_back({pid, command, nodes[index], word.ends_with('+')});
  }
}

}  // namespace

Holders find_holders(const Host& host, const std::vector<DeviceNode>& nodes, Milliseconds patience) {
  Holders out;
  if (nodes.empty()) return out;
  const auto pids = all_pids(host);
  const Deadline deadline(longest_look);
  // A line for each process in their order; before it, with a "." in front, what has been found of it so far,
  // when that is news or the last piece is a while ago. Each piece wakes this process up, so lines come
  // together: those that are due before the next look that can block.
  const auto look = [&](std::size_t first, const Tell& tell) {
    const Fd proc(::open(host.path("/proc").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Found found;
    std::size_t told = 0;
    Stopwatch since;
    ProcessScan scan(proc.get(), nodes, host.is_copy(), [&] {
      if (found.nodes.size() == told && since.elapsed() < patience / 4) return;
      tell("." + to_line(found));
      told = found.nodes.size();
      since = {};
    });
    std::string lines;
    for (std::size_t i = first; i < pids.size(); ++i) {
      found = {};
      if (!scan.is_kernel_thread(pids[i])) {
        if (!lines.empty()) tell(lines);
        lines.clear();
        told = 0;
        since = {};
        scan.look_at(pids[i], found);
      }
      lines += to_line(found) + "\n";
    }
    tell(lines);
  };
  for (std::size_t next = 0; next < pids.size();) {
    std::string so_far;
    if (!deadline.passed())
      listen_to_child([&](const Tell& tell) { look(next, tell); },
                      [&](std::string_view piece) {
                        if (piece.starts_with(".")) {
                          so_far = piece.substr(1);
                        } else {
                          so_far.clear();
                          piece.remove_suffix(1);
                          for (const auto line : split(piece, '\n'))
                            add(host, nodes, pids[next++], line, out);
                        }
                        return !deadline.passed() && next < pids.size();
                      },
                      patience);
    if (next < pids.size()) add(host, nodes, pids[next++], "?" + so_far, out);
  }
  return out;
}

std::vector<Holder> holders_of(const Host& host, const std::vector<PciAddress>& devices) {
  std::vector<DeviceNode> nodes;
  for (auto& node : device_nodes(host, devices))
    if (node.kind != NodeKind::hot_plug) nodes.push_back(std::move(node));
  return find_holders(host, nodes).holders;
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
