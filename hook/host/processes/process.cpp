#include "host/processes/process.h"

#include <unistd.h>

#include "core/file.h"
#include "core/text.h"
#include "host/names.h"
#include "host/processes/child.h"

namespace qh::host {
namespace {

std::string folder_of(int pid) {
  return "/proc/" + std::to_string(pid);
}

int pid_in_file(const Host& host, const std::string& file) {
  return to_number<int>(host.read(file).value_or(""));
}

// NixOS starts its daemons through wrappers: ".libvirtd-wrapp", of which "comm" keeps 15 characters.
bool has_daemon_name(const std::string& command) {
  return command == "libvirtd" || command == "virtqemud" || command.starts_with(".libvirtd-wrap") ||
         command.starts_with(".virtqemud-wra");
}

}  // namespace

std::optional<Process> read_any_process(const Host& host, int pid) {
  const auto stat = host.read(folder_of(pid) + "/stat");
  if (!stat) return std::nullopt;
  // "PID (NAME) STATE PPID PGRP SESSION TTY TPGID FLAGS …" (proc(5)). The name can contain anything, so what
  // comes after it counts from the last parenthesis.
  const auto name = stat->find('('), end_of_name = stat->rfind(')');
  if (end_of_name == std::string::npos || end_of_name < name) return std::nullopt;
  const auto fields = words(std::string_view(*stat).substr(end_of_name + 1));
  if (fields.size() < 20) return std::nullopt;
  return Process{{pid, to_number(fields[19])},
                 to_number<int>(fields[1]),
                 stat->substr(name + 1, end_of_name - name - 1),
                 fields[0][0],
                 to_number(fields[6])};
}

std::optional<Process> read_process(const Host& host, int pid) {
  const auto process = read_any_process(host, pid);
  return process && !process->has_ended() ? process : std::nullopt;
}

std::optional<ProcessId> find_process(const Host& host, int pid) {
  const auto process = read_process(host, pid);
  return process ? std::optional(process->id) : std::nullopt;
}

bool is_alive(const Host& host, const ProcessId& process) {
  return find_process(host, process.pid) == process;
}

std::string command_name(const Host& host, int pid) {
  return std::string(trimmed(host.read(folder_of(pid) + "/comm").value_or("")));
}

std::optional<int> find_guest_process(const Host& host, const std::string& guest, const std::string& uuid) {
  if (guest.find('/') != std::string::npos) return std::nullopt;
  const int pid = pid_in_file(host, names::pid_file(guest));
  if (pid <= 0 || !find_process(host, pid)) return std::nullopt;
  // proc_pid_cmdline_read() takes the process's mmap_lock (fs/proc/base.c), which its fault handler may hold.
  const std::string file = host.path(folder_of(pid) + "/cmdline");
  const auto arguments =
      run_in_child("reading " + file, Milliseconds{1000}, [&] { return read_file(file, 4U << 20U); });
  if (!arguments) return arguments.error().is(ErrorKind::timed_out) ? std::optional(pid) : std::nullopt;
  const std::string& mark = uuid.empty() ? guest : uuid;
  const bool is_its = arguments->find(mark) != std::string::npos;
  note(file, is_its ? mark : "");
  return is_its ? std::optional(pid) : std::nullopt;
}

std::optional<Process> find_running_daemon(const Host& host) {
  for (const char* file : names::daemon_pid_files) {
    const int pid = pid_in_file(host, file);
    auto process = pid > 0 ? read_process(host, pid) : std::nullopt;
    // The pid may be somebody else's by now.
    if (process && (file == "/run/" + process->command + ".pid" || has_daemon_name(process->command)))
      return process;
  }
  return std::nullopt;
}

Result<std::optional<ProcessId>> find_calling_daemon(const Host& host) {
  const auto running = find_running_daemon(host);
  std::optional<Process> eldest;
  for (int pid = ::getppid(), depth = 0; pid > 0 && depth < 64; ++depth) {
    const auto process = read_process(host, pid);
    if (!process) break;
    if (has_daemon_name(process->command) || (running && running->id == process->id)) return process->id;
    if (pid == 1) break;
    eldest = process;
    pid = process->parent;
  }
  if (eldest) return eldest->id;
  if (::getppid() != 1) return std::nullopt;
  return fail(ErrorKind::not_found, "the libvirt daemon that called the hook has ended",
              "start the guest again when the daemon is up");
}

}  // namespace qh::host
