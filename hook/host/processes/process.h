// Processes of the host, told apart from later ones that get the same pid.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/result.h"
#include "host/host.h"

namespace qh::host {

struct ProcessId {
  int pid = 0;
  std::uint64_t start_time = 0;  // clock ticks after boot, field 22 of /proc/PID/stat (proc(5))

  bool operator==(const ProcessId&) const = default;
};

struct Process {
  ProcessId id;
  int parent = 0;
  std::string command;  // "comm": at most 15 characters of the program's name
  char state = '\0';    // as ps(1) shows it
  unsigned long flags = 0;

  // It has no files any more, and only waits for its parent.
  bool has_ended() const { return state == 'Z' || state == 'X'; }
  bool is_kernel_thread() const { return (flags & 0x00200000) != 0; }  // PF_KTHREAD, include/linux/sched.h
};

// Nothing if there is no such process. Asking blocks nowhere.
std::optional<Process> read_any_process(const Host& host, int pid);
// Nothing either if it has ended.
std::optional<Process> read_process(const Host& host, int pid);
std::optional<ProcessId> find_process(const Host& host, int pid);
bool is_alive(const Host& host, const ProcessId& process);

// "comm", empty if the process is gone.
std::string command_name(const Host& host, int pid);

// The guest's QEMU, by libvirt's pid file and, since a pid can be another's by now, the UUID in its
// arguments. A process whose arguments the kernel does not show in time (its memory map is locked) counts as
// it.
std::optional<int> find_guest_process(const Host& host, const std::string& guest, const std::string& uuid);

// The libvirt daemon that runs now, by its pid file; nothing: none does.
std::optional<Process> find_running_daemon(const Host& host);

// The libvirt daemon on whose behalf this process runs: the nearest ancestor that is one. Another hook may
// stand in between, a dispatcher script whose end says nothing. Where no ancestor is known as a daemon (a
// wrapper with another name), the eldest below init counts; nothing, where /proc shows none. not_found: the
// caller has ended, so this process is init's child.
Result<std::optional<ProcessId>> find_calling_daemon(const Host& host);

}  // namespace qh::host
