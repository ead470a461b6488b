// Processes of the host, told apart from later ones that get the same pid.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace qh::host {

struct ProcessId {
  int pid = 0;
  std::uint64_t start_time = 0;  // clock ticks after boot, field 22 of /proc/PID/stat (proc(5))

  bool operator==(const ProcessId&) const = default;
};

// Nothing if there is no such process. `root` stands in front of "/proc" in all of these.
std::optional<ProcessId> find_process(const std::string& root, int pid);
bool is_alive(const std::string& root, const ProcessId& process);

// "comm", empty if the process is gone.
std::string command_name(const std::string& root, int pid);

// The guest's QEMU, by libvirt's pid file and, since a pid can be another's by now, the UUID in its
// arguments.
std::optional<int> find_guest_process(const std::string& root, const std::string& guest,
                                      const std::string& uuid);

}  // namespace qh::host
