#include "simulation/host_model.h"

#include <algorithm>
#include <filesystem>

#include "core/contains.h"
#include "core/text.h"
#include "simulation/invariants.h"
#include "simulation/run.h"

namespace qh::simulation {
namespace fs = std::filesystem;
namespace {

constexpr int xorg = 300;

std::string folder_of(const std::string& address) {
  return "/sys/bus/pci/devices/" + address;
}

void link(const std::string& target, const std::string& file) {
  fs::create_directories(fs::path(file).parent_path());
  std::error_code exists;
  fs::create_symlink(target, file, exists);
}

}  // namespace

HostModel::HostModel(Run& run, bool graphics) : run_(run), graphics_(graphics) {
  for (const auto& function : graphics_devices) groups_[function] = "1", natives_[function] = "";
  const auto add = [&](fakes::ModelDevice device) {
    groups_[device.address] = device.group;
    natives_[device.address] = device.native_driver;
    kernel.add_device(device);
  };
  add({.address = "0000:00:05.0", .class_code = "00ff00", .native_driver = "", .group = "5"});
  add({.address = "0000:02:00.0", .native_driver = "e1000e", .group = "10"});
  add({.address = "0000:03:00.0", .native_driver = "igb", .group = "11"});
  add({.address = "0000:03:00.1", .class_code = "0c0330", .native_driver = "xhci_hcd", .group = "11"});
  add({.address = physical, .native_driver = "ixgbe", .group = "14"});
  for (const char* function : {"0000:04:10.0", "0000:04:10.1"})
    add({.address = function,
         .native_driver = "ixgbevf",
         .group = std::string(function).ends_with("0") ? "16" : "17",
         .reset_methods = "flr",
         .physical = physical});
  add({.address = disk, .class_code = "010802", .native_driver = "nvme", .group = "18"});
  fs::create_directories(root.path() + "/dev/vfio");
  root.write("/proc/sys/kernel/osrelease", "6.1.0\n");
  root.write("/lib/modules/6.1.0/modules.dep", "kernel/drivers/vfio/pci/vfio-pci.ko:\n");
  root.write("/proc/mounts", "");
  root.write("/run/systemd/system/.keep", "");
  fs::create_directories(root.path() + "/run/libvirt/qemu");
  fs::create_directories(root.path() + "/sys/class/block");
  fs::create_directories(root.path() + "/sys/dev/char");
  add_process(1, 0, "systemd", 1);
  add_process(shell, 1, "bash", 2);
  if (graphics) {
    kernel.add_console("vtcon0", "(S) dummy device", false);
    kernel.add_console("vtcon1", "(M) frame buffer device", true);
    add({.address = card, .class_code = "030000", .native_driver = "amdgpu", .group = "1"});
    add({.address = graphics_devices[1],
         .class_code = "040300",
         .native_driver = "snd_hda_intel",
         .group = "1"});
    update();
    std::string nothing;
    run_tool("systemctl", {"start", "--", desktop}, nothing);
  }
  update();
}

std::vector<std::string> HostModel::all_devices() const {
  std::vector<std::string> all;
  for (const auto& [address, group] : groups_) all.push_back(address);
  return all;
}

std::string HostModel::native_driver(const std::string& address) const {
  return natives_.at(address);
}

bool HostModel::is_held(const Locks& locks, Time since, const Task* for_whom) const {
  return std::ranges::any_of(holds_, [&](const Hold& h) {
    return h.since <= since && h.until > run_.scheduler.now() && (h.by == nullptr || h.by != for_whom) &&
           std::ranges::any_of(h.locks, [&](const auto& lock) { return contains(locks, lock); });
  });
}

void HostModel::hold(const Locks& locks, Time until) {
  std::erase_if(holds_, [&](const Hold& h) { return h.until <= run_.scheduler.now(); });
  holds_.push_back({locks, run_.scheduler.now(), until});
}

// Until the task has its turn again, whatever the time is then.
void HostModel::wait_with(const Locks& locks, const std::function<bool()>& until, Time deadline) {
  Task& task = *run_.scheduler.current();
  holds_.push_back({locks, run_.scheduler.now(), never, &task});
  task.in_kernel = true;
  run_.scheduler.wait(until, deadline);
  task.in_kernel = false;
  std::erase_if(holds_, [&](const Hold& h) { return h.by == &task; });
}

void HostModel::touch(const Locks& locks, const std::string& what) {
  Task& task = *run_.scheduler.current();
  if (holds_.empty() || !is_held(locks)) return;
  if (run_.tells()) run_.tell(what + ": waits in the kernel for " + join(locks));
  if (task.kind == Task::Kind::process && !task.detached)
    run_.find("own process waits for the kernel",
              what + " in the hook's own process, while the kernel holds " + join(locks));
  // What began to hang since the program asked is nobody's mistake, however long libvirt's worker was busy.
  if (task.asked_by != nullptr && is_held(locks, task.began - task.asked_by->stalled - 3 * second))
    run_.find("libvirtd waits for the kernel",
              what + " by libvirtd for the hook, while the kernel holds " + join(locks));
  const auto is_taken = [&](const auto& lock) { return is_held({lock}, never, &task); };
  for (auto next = locks.begin(); (next = std::ranges::find_if(locks, is_taken)) != locks.end();) {
    // Those who sleep get a mutex in their order (kernel/locking/mutex.c).
    waiting_.emplace_back(*next, &task);
    const auto has_turn = [&] {
      return !is_taken(*next) && std::ranges::find(waiting_, *next, &Waiting::first)->second == &task;
    };
    while (!has_turn()) {
      Time until = never;
      for (const auto& h : holds_)
        if (contains(h.locks, *next) && h.until > run_.scheduler.now()) until = std::min(until, h.until);
      // What it takes before the one that it waits for, it has.
      wait_with({locks.begin(), next}, has_turn, until);
    }
    std::erase(waiting_, Waiting(*next, &task));
  }
}

void HostModel::hang(const Locks& locks, Time lasts, const std::string& what) {
  const Task& task = *run_.scheduler.current();
  if (run_.tells()) run_.tell(what + ": hangs with " + join(locks));
  if (task.kind == Task::Kind::process && !task.detached)
    run_.find("own process hangs in the kernel", what + " in the hook's own process hangs");
  wait_with(locks, {}, run_.scheduler.now() + lasts);
}

// driver_override_show and _store take the device's lock (drivers/pci/pci-sysfs.c), as bind, unbind and
// drivers_probe do (drivers/base/bus.c). A reset has it and keeps the configuration space (pci_dev_lock in
// drivers/pci/pci.c), for which readers wait (pci_wait_cfg). vtconN/bind takes the lock of the consoles
// (drivers/tty/vt/vt.c, since Linux 5.4).
Locks HostModel::read_locks(const std::string& path) const {
  const std::string parent = fs::path(path).parent_path().filename().string();
  if (path.ends_with("/driver_override")) return {"device " + parent};
  if (path.starts_with("bus/pci/") && path.ends_with("/config")) return {"config " + parent};
  if (path.starts_with("class/vtconsole/") && path.ends_with("/bind")) return {"console"};
  return {};
}

Locks HostModel::write_locks(const std::string& path, const std::string& value) const {
  const std::string address = device_of(path, value);
  if (path.starts_with("class/vtconsole/")) return {"console"};
  if (path == "bus/pci/rescan") return {"rescan"};
  if (address.empty()) return {};
  if (path.ends_with("/reset_method")) return {};
  if (path.ends_with("/reset")) return {"device " + address, "config " + address};
  if (path.ends_with("/remove")) return {"rescan", "device " + address};
  // A graphics driver that gets or loses its card takes the consoles' lock (drivers/video/aperture.c, fbcon).
  if (address == card && !path.ends_with("/driver_override") && !path.ends_with("vfio-pci/unbind"))
    return {"device " + address, "console"};
  return {"device " + address};
}

std::string HostModel::device_of(const std::string& path, const std::string& value) {
  if (path.starts_with("bus/pci/drivers")) return std::string(trimmed(value));
  if (path.starts_with("bus/pci/devices/")) return path.substr(16, 12);
  return {};
}

bool HostModel::write(const std::string& path, const std::string& value) {
  const InWorld in_world(run_.scheduler.current());
  check_write(run_, path, value);
  const std::string address = device_of(path, value);
  // A device that is open through VFIO is let go of when its user closes it (vfio_unregister_group_dev in
  // drivers/vfio/vfio_main.c).
  const bool unbinds = path.ends_with("/unbind") || path.ends_with("/remove");
  if (unbinds && opened.contains(address) && is_on_vfio(address))
    wait_with(
        {"device " + address}, [&] { return !opened.contains(address); }, never);
  const bool done = kernel.write(path, value);
  update();
  return done;
}

void HostModel::update() {
  // vfio makes a group's node when the first of its devices is bound to it.
  std::set<std::string> groups;
  for (const auto& [address, group] : groups_)
    if (is_on_vfio(address)) groups.insert(group);
  for (const std::string& group : groups) {
    if (vfio_groups_.contains(group)) continue;
    root.write("/dev/vfio/" + group, "");
    root.write("/sys/class/vfio/" + group + "/dev", "243:" + group + "\n");
  }
  for (const std::string& group : vfio_groups_) {
    if (groups.contains(group)) continue;
    fs::remove(root.path() + "/dev/vfio/" + group);
    fs::remove_all(root.path() + "/sys/class/vfio/" + group);
  }
  vfio_groups_ = std::move(groups);
  const bool has_driver = kernel.driver(disk) == "nvme";
  if (has_driver != has_disk()) {
    const std::string place = "/sys/devices/pci0000:00/" + std::string(disk) + "/nvme/nvme0/nvme0n1";
    if (has_driver) {
      root.write(place + "/dev", "259:0\n");
      link("../.." + place.substr(4), root.path() + "/sys/class/block/nvme0n1");
      root.write("/dev/nvme0n1", "");
    } else {
      fs::remove(root.path() + "/sys/class/block/nvme0n1");
      fs::remove_all(root.path() + place);
      fs::remove(root.path() + "/dev/nvme0n1");
    }
  }
  // Also when it was removed and is there again: it is the only one (vga_is_boot_device in
  // drivers/pci/vgaarb.c).
  if (graphics_ && is_there(card) && !root.exists(folder_of(card) + "/boot_vga"))
    root.write(folder_of(card) + "/boot_vga", "1\n");
  // A desktop notices that its card is gone, and ends.
  if (desktop_runs && !root.exists("/dev/dri/card0")) {
    desktop_runs = false;
    end_process(xorg);
  }
}

bool HostModel::open(const std::string& address, int qemu) {
  const InWorld in_world(run_.scheduler.current());
  if (!is_on_vfio(address)) return false;
  const std::string& its_group = group(address);
  for (const auto& [other, group] : groups_) {
    if (group != its_group) continue;
    // The group is not viable (drivers/vfio: iommu_group_claim_dma_owner).
    if (is_there(other) && !is_on_vfio(other) && !kernel.driver(other).empty()) return false;
    if (const auto user = opened.find(other); user != opened.end() && user->second != qemu) return false;
  }
  opened[address] = qemu;
  root.write("/dev/vfio/" + its_group, "busy");
  root.write(folder_of(address) + "/enable", "1\n");
  show_descriptors(qemu);
  return true;
}

void HostModel::close(const std::string& address) {
  const InWorld in_world(run_.scheduler.current());
  const auto user = opened.find(address);
  if (user == opened.end()) return;
  const int qemu = user->second;
  opened.erase(user);
  if (is_there(address)) root.write(folder_of(address) + "/enable", "0\n");
  const bool in_use =
      std::ranges::any_of(opened, [&](const auto& o) { return group(o.first) == group(address); });
  if (!in_use && root.exists("/dev/vfio/" + group(address))) root.write("/dev/vfio/" + group(address), "");
  if (has_process(qemu)) show_descriptors(qemu);
}

void HostModel::add_process(int pid, int parent, const std::string& name, Time start) {
  const InWorld in_world(run_.scheduler.current());
  const std::string folder = "/proc/" + std::to_string(pid);
  root.write(folder + "/stat", std::to_string(pid) + " (" + name + ") S " + std::to_string(parent) +
                                   " 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " + std::to_string(start + 1) +
                                   " 0 0");
  root.write(folder + "/comm", name + "\n");
  root.write(folder + "/maps", "");
  root.write(folder + "/cgroup", "0::/\n");
  root.write(folder + "/cmdline", name);
  fs::create_directories(root.path() + folder + "/fd");
}

void HostModel::set_arguments(int pid, const std::string& arguments) const {
  root.write("/proc/" + std::to_string(pid) + "/cmdline", arguments);
}

void HostModel::end_process(int pid) const {
  const InWorld in_world(run_.scheduler.current());
  fs::remove_all(root.path() + "/proc/" + std::to_string(pid));
}

void HostModel::show_descriptors(int pid) const {
  const std::string folder = root.path() + "/proc/" + std::to_string(pid) + "/fd";
  fs::remove_all(folder);
  fs::create_directories(folder);
  int number = 10;
  std::set<std::string> groups;
  for (const auto& [address, user] : opened)
    if (user == pid) groups.insert(group(address));
  for (const auto& group : groups) link("/dev/vfio/" + group, folder + "/" + std::to_string(number++));
}

bool HostModel::mount() {
  if (!has_disk() || held_exclusively > 0 || mounted) return false;
  mounted = true;
  return true;
}

bool HostModel::run_tool(const std::string& name, const std::vector<std::string>& arguments,
                         std::string& output) {
  const InWorld in_world(run_.scheduler.current());
  const std::string unit = arguments.empty() ? "" : arguments.back();
  const bool is_desktop = graphics_ && (unit == desktop || unit == "display-manager.service");
  if (name == "modprobe") {
    if (unit == "vfio-pci") kernel.add_driver(unit);
    return true;
  }
  if (name == "systemd-run") {
    for (const auto& argument : arguments)
      if (argument.starts_with("--unit=")) awake.insert(argument.substr(7));
    return true;
  }
  if (name != "systemctl") return false;
  const std::string& verb = arguments[0];
  const bool runs = is_desktop ? desktop_runs : awake.contains(unit);
  if (verb == "show" && arguments[1] == "--value") return true;
  if (verb == "show") {
    output = "Id=" + (is_desktop ? desktop : unit) + "\nActiveState=" + (runs ? "active" : "inactive") +
             "\nJob=\n";
  } else if (verb == "stop") {
    awake.erase(unit);
    if (is_desktop && desktop_runs) {
      desktop_runs = false;
      end_process(xorg);
    }
  } else if (verb == "start" && is_desktop && !desktop_runs && root.exists("/dev/dri/card0")) {
    desktop_runs = true;
    add_process(xorg, 1, "Xorg", 3);
    root.write("/proc/300/cgroup", std::string("0::/system.slice/") + desktop + "\n");
    link("/dev/dri/card0", root.path() + "/proc/300/fd/3");
  }
  return true;
}

std::string HostModel::described(const std::string& driver, const std::string& driver_override) {
  return "driver \"" + driver + "\", driver_override \"" + driver_override + "\"";
}

std::string HostModel::state_of(const std::string& address) const {
  const InWorld in_world(run_.scheduler.current());
  if (!is_there(address)) return "gone";
  return described(kernel.driver(address), kernel.driver_override(address));
}

std::string HostModel::state_of_screen() const {
  const InWorld in_world(run_.scheduler.current());
  if (!graphics_) return "";
  return std::string(desktop_runs ? "desktop" : "no desktop") + ", vtcon1 " +
         std::string(trimmed(root.read("/sys/class/vtconsole/vtcon1/bind")));
}

}  // namespace qh::simulation
