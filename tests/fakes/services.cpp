#include "fakes/services.h"

#include <algorithm>
#include <filesystem>

#include "core/file.h"
#include "core/text.h"

namespace qh::fakes {
namespace fs = std::filesystem;

void ModelServices::add_process(int pid, const std::string& name, const std::string& group,
                                const std::string& node) {
  const std::string folder = "/proc/" + std::to_string(pid);
  root_.write(folder + "/comm", name.substr(0, 15) + "\n");
  root_.write(folder + "/stat",
              std::to_string(pid) + " (" + name + ") S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
  root_.write(folder + "/cgroup", "0::" + group + "\n");
  root_.write(folder + "/maps", "");
  fs::create_directories(root_.path() + folder + "/fd");
  if (!node.empty() && !root_.exists(folder + "/fd/3"))
    fs::create_symlink(node, root_.path() + folder + "/fd/3");
}

void ModelServices::remove_process(int pid) {
  fs::remove_all(root_.path() + "/proc/" + std::to_string(pid));
}

void ModelServices::add_session(const std::string& id, const std::string& user, const std::string& seat) {
  root_.write("/run/systemd/sessions/" + id, "# private\nUID=" + user + "\nSCOPE=session-" + id + ".scope\n" +
                                                 (seat.empty() ? "" : "SEAT=" + seat + "\n") +
                                                 "TYPE=wayland\n");
}

void ModelServices::add_display_manager(const std::string& name, const std::string& node) {
  display_manager_ = name;
  display_manager_node_ = node;
  running[name] = true;
  add_process(300, "Xorg", "/system.slice/" + name, node);
}

Result<std::string> ModelServices::display_manager() const {
  if (silent) return fail(*silent);
  return is_running(display_manager_) ? display_manager_ : "";
}
bool ModelServices::is_running(const std::string& service) const {
  const auto found = running.find(service);
  return found != running.end() && found->second;
}

std::vector<std::string> ModelServices::stopped_with(const std::string& service) const {
  std::vector<std::string> all;
  for (const auto& [name, whole] : part_of)
    if (whole == service && is_running(name)) all.push_back(name);
  return all;
}

Result<void> ModelServices::stop(const std::string& service, Milliseconds) {
  return faults_.run("stop " + service, [&]() -> Result<void> {
    running[service] = false;
    for (const auto& [name, whole] : part_of)
      if (whole == service && is_running(name)) running[name] = false;
    for (const auto& name : list_folder(root_.path() + "/proc")) {
      const std::string group = root_.read("/proc/" + name + "/cgroup");
      if (group.find("/system.slice/" + service + "\n") != std::string::npos)
        fs::remove_all(root_.path() + "/proc/" + name);
    }
    return {};
  });
}

Result<void> ModelServices::start(const std::string& service, Milliseconds) {
  return faults_.run("start " + service, [&]() -> Result<void> {
    if (service == display_manager_) {
      if (!root_.exists(display_manager_node_)) return fail(ErrorKind::failed, "no screen found");
      add_process(300, "Xorg", "/system.slice/" + service, display_manager_node_);
    }
    running[service] = true;
    return {};
  });
}

Result<void> ModelServices::end_session(const std::string& id, Milliseconds) {
  return faults_.run("end session " + id, [&]() -> Result<void> {
    for (const auto& name : list_folder(root_.path() + "/proc")) {
      const std::string group = root_.read("/proc/" + name + "/cgroup");
      const bool stays =
          std::find(stubborn.begin(), stubborn.end(), std::atoi(name.c_str())) != stubborn.end();
      if (!stays && group.find("/session-" + id + ".scope") != std::string::npos)
        fs::remove_all(root_.path() + "/proc/" + name);
    }
    return {};
  });
}

void ModelServices::end_process(const host::ProcessId& process, bool by_force) {
  (void)faults_.run("end process " + std::to_string(process.pid), [&]() -> Result<void> {
    if (by_force || std::find(stubborn.begin(), stubborn.end(), process.pid) == stubborn.end())
      remove_process(process.pid);
    return {};
  });
}

bool ModelServices::has_persistence(const PciAddress& card) const {
  const auto found = persistence.find(card.text());
  return found != persistence.end() && found->second;
}
Result<void> ModelServices::set_persistence(const PciAddress& card, bool on, Milliseconds) {
  return faults_.run(std::string("persistence ") + (on ? "on" : "off"), [&]() -> Result<void> {
    persistence[card.text()] = on;
    for (const auto& pid : list_folder(root_.path() + "/proc"))
      if (!on && root_.read("/proc/" + pid + "/comm").starts_with("nvidia-persiste"))
        fs::remove(root_.path() + "/proc/" + pid + "/fd/3");
    return {};
  });
}

Result<void> ModelServices::hold_awake(const host::Awake& wanted, Milliseconds) {
  return faults_.run("hold awake", [&]() -> Result<void> {
    if (std::find(awake.begin(), awake.end(), wanted.unit) == awake.end()) awake.push_back(wanted.unit);
    return {};
  });
}
Result<void> ModelServices::let_sleep(const std::string& unit, Milliseconds) {
  return faults_.run("let sleep", [&]() -> Result<void> {
    std::erase(awake, unit);
    return {};
  });
}

std::string ModelServices::state() const {
  std::string text;
  for (const auto& [name, runs] : running) text += name + (runs ? " runs\n" : " does not run\n");
  for (const auto& [card, on] : persistence) text += card + (on ? " persistent\n" : " not persistent\n");
  return text + "awake: " + join(awake) + "\n";
}

}  // namespace qh::fakes
