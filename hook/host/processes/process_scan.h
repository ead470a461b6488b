// The descriptors and mappings of one process.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "host/pci/device_nodes.h"

namespace qh::host {

// What was found in one process.
struct Found {
  struct Node {
    std::size_t index;  // in the list of nodes
    bool mapped;        // found mapped, not open
  };
  std::vector<Node> nodes;
  bool unreadable = false;

  void add(std::size_t index, bool mapped);
};

class ProcessScan {
 public:
  // `proc` is an open descriptor of /proc. `by_text`: links whose text is a node's path count too. `progress`
  // is called as long as the kernel answers.
  ProcessScan(int proc, const std::vector<DeviceNode>& nodes, bool by_text, std::function<void()> progress);

  // One of the kernel's own threads, which have no files. Asking blocks nowhere.
  bool is_kernel_thread(int pid) const;
  // Descriptors first, then mappings: looking at those can block in the kernel.
  void look_at(int pid, Found& out);

 private:
  void descriptors(const char* folder, Found& out);
  void descriptors_of_threads(int pid, Found& out);
  void mappings(int pid, Found& out);
  void map_line(int pid, const char* line, const char* end, Found& out);
  int node_behind(int folder, const char* name) const;
  int node_with_path(const char* path, std::size_t length) const;
  bool has_ended(int pid) const;

  int proc_;
  const std::vector<DeviceNode>& nodes_;
  bool by_text_;
  std::function<void()> progress_;
  bool any_descriptor_ = false;
  std::vector<char> buffer_;
  // What a mapped file turned out to be, by a hash of what maps says about it (device, inode, name): most
  // processes map the same few files.
  std::unordered_map<std::uint64_t, int> known_files_;
};

}  // namespace qh::host
