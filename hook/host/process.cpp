#include "host/process.h"

#include <cstdlib>

#include "core/text.h"
#include "host/file.h"
#include "host/names.h"

namespace qh::host {

std::optional<ProcessId> find_process(const std::string& root, int pid) {
  const auto stat = read_file(root + "/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return std::nullopt;
  // The second field is the name in parentheses; it can contain anything, so count from the last one.
  const auto end_of_name = stat->rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  const auto fields = split(trimmed(std::string_view(*stat).substr(end_of_name + 1)), ' ');
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return std::nullopt;
  return ProcessId{pid, std::strtoull(std::string(fields[19]).c_str(), nullptr, 10)};
}

bool is_alive(const std::string& root, const ProcessId& process) {
  return find_process(root, process.pid) == process;
}

std::string command_name(const std::string& root, int pid) {
  const auto comm = read_file(root + "/proc/" + std::to_string(pid) + "/comm");
  return comm ? std::string(trimmed(*comm)) : "";
}

std::optional<int> find_guest_process(const std::string& root, const std::string& guest,
                                      const std::string& uuid) {
  if (guest.find('/') != std::string::npos) return std::nullopt;
  const auto text = read_file(root + names::libvirt_pid_folder + "/" + guest + ".pid");
  if (!text) return std::nullopt;
  const int pid = static_cast<int>(std::strtol(text->c_str(), nullptr, 10));
  if (pid <= 0 || !find_process(root, pid)) return std::nullopt;
  const auto arguments = read_file(root + "/proc/" + std::to_string(pid) + "/cmdline");
  const std::string& mark = uuid.empty() ? guest : uuid;
  if (!arguments || arguments->find(mark) == std::string::npos) return std::nullopt;
  return pid;
}

}  // namespace qh::host
