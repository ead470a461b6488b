// The simulated host: its devices and their kernel (tests/fakes), with the locks that each attribute takes;
// its disk, its desktop, and its processes, as files below a folder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fakes/kernel.h"
#include "simulation/scenario.h"
#include "simulation/scheduler.h"

namespace qh::simulation {

struct Run;

using Locks = std::vector<std::string>;  // "device 0000:02:00.0", "config …", "console", "rescan", "group
                                         // 10", "memory 2000"

inline constexpr char card[] = "0000:01:00.0", disk[] = "0000:06:00.0", physical[] = "0000:04:00.0";
inline constexpr char desktop[] = "gdm.service";
inline constexpr int shell = 900;  // a user's

class HostModel {
 public:
  explicit HostModel(Run& run, bool graphics);

  fakes::TemporaryRoot root;
  fakes::Kernel kernel{root};

  // Locks of the kernel. Acts take no time, so one is held only where something hangs.
  bool is_held(const Locks& locks, Time since = never, const Task* for_whom = nullptr) const;
  void hold(const Locks& locks, Time until);
  // The current task takes them for a moment, and waits while they are held. `what` for the story.
  // The order of the locks is that in which the kernel takes them.
  void touch(const Locks& locks, const std::string& what);
  // The current task hangs with them.
  void hang(const Locks& locks, Time lasts, const std::string& what);
  // Which an access to an attribute takes. Paths are relative to /sys.
  Locks read_locks(const std::string& path) const;
  Locks write_locks(const std::string& path, const std::string& value) const;

  // What a write does, by whoever is current and waited for the locks already.
  bool write(const std::string& path, const std::string& value);
  // The device that a write is about; empty: none.
  static std::string device_of(const std::string& path, const std::string& value);

  std::string group(const std::string& address) const { return groups_.at(address); }
  bool is_on_vfio(const std::string& address) const { return kernel.driver(address) == "vfio-pci"; }
  bool is_there(const std::string& address) const { return root.exists("/sys/bus/pci/devices/" + address); }
  std::vector<std::string> all_devices() const;
  std::string native_driver(const std::string& address) const;

  // A QEMU opens the device: false if the group is another's, or not viable.
  bool open(const std::string& address, int qemu);
  void close(const std::string& address);
  std::map<std::string, int> opened;  // by which QEMU

  void add_process(int pid, int parent, const std::string& name, Time start);
  void set_arguments(int pid, const std::string& arguments) const;
  void end_process(int pid) const;
  bool has_process(int pid) const { return root.exists("/proc/" + std::to_string(pid)); }
  void show_descriptors(int pid) const;  // of a QEMU

  // The disk's user. Mounting fails while somebody has the disk exclusively.
  bool mount();
  bool mounted = false;
  int held_exclusively = 0;
  bool has_disk() const { return root.exists("/dev/nvme0n1"); }

  // systemctl and the rest; false: no such thing.
  bool run_tool(const std::string& name, const std::vector<std::string>& arguments, std::string& output);
  bool desktop_runs = false;
  std::set<std::string> awake;  // units; each ends with its guest's journal

  // "DRIVER OVERRIDE", to compare.
  std::string state_of(const std::string& address) const;
  static std::string described(const std::string& driver, const std::string& driver_override);
  std::string state_of_screen() const;

 private:
  void update();                                        // what follows from who is bound
  using Waiting = std::pair<std::string, const Task*>;  // for that lock
  struct Hold {
    Locks locks;
    Time since, until;
    const Task* by = nullptr;  // that it does not keep out
  };
  void wait_with(const Locks& locks, const std::function<bool()>& until, Time deadline);
  Run& run_;
  bool graphics_;
  std::vector<Waiting> waiting_;
  std::vector<Hold> holds_;
  std::map<std::string, std::string> groups_, natives_;
  std::set<std::string> vfio_groups_;  // that have a node
};

// The model's own system calls, in the place of the program's.
class InWorld {
 public:
  explicit InWorld(Task* task) : task_(task) {
    if (task_ != nullptr) ++task_->in_world;
  }
  ~InWorld() {
    if (task_ != nullptr) --task_->in_world;
  }
  InWorld(const InWorld&) = delete;
  InWorld& operator=(const InWorld&) = delete;

 private:
  Task* task_;
};

}  // namespace qh::simulation
