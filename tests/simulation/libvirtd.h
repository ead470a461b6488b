// The simulated libvirtd, with its guests: it calls the hook as libvirt does, moves devices as libvirt does
// (virhostdev.c), is killed, starts again, and remembers what libvirt remembers.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulation/scenario.h"
#include "simulation/scheduler.h"

namespace qh::simulation {

struct Run;

enum class GuestState { off, preparing, launching, running, stopping };

struct Guest {
  GuestPlan plan;
  std::string uuid;
  std::vector<std::string> devices;  // as it runs: with what was plugged in, without what was unplugged
  GuestState state = GuestState::off;
  int qemu = 0;                         // its process; 0: none
  Time started = 0;                     // when libvirt began with it
  bool busy = false;                    // libvirt works on it
  bool has_status = false;              // libvirt's file about it is there
  std::map<std::string, Time> plugged;  // when which devices came by hot plug
};

class Libvirtd {
 public:
  explicit Libvirtd(Run& run) : run_(run) {}

  // Each of these is the whole life of a task of the daemon's or of a user's.
  void boot();
  void start(Guest& guest);
  void destroy(Guest& guest);
  void qemu_ends(Guest& guest, Time lingers);
  void plug(Guest& guest, const std::string& address);
  void unplug(Guest& guest, const std::string& address);
  void kill_and_restart(Time pause);
  void detach_by_hand(const std::string& address);  // `virsh nodedev-detach`

  // The client's calls, in a helper of the program's. The daemon works on them for itself. Empty: success.
  enum class Verb { connect, look_up, ask, detach, reattach };
  struct Answer {
    bool no_daemon = false;
    std::string error;
  };
  Answer call(Verb verb, const std::string& address);

  std::string domain_xml(const Guest& guest) const;
  bool is_alive() const { return pid_ != 0; }
  // Since before that time it has had devices of the guest on its list of those in use.
  bool ends_itself(const Guest& guest, Time before) const;
  int pid() const { return pid_; }
  Time busy_until = 0;  // all its workers wait for something
  bool is_active(const std::string& address) const { return active_.contains(address); }

 private:
  struct Use {
    std::string guest;
    bool ours = false;        // in the list of detached devices before: a call of virNodeDeviceDetachFlags
    bool gives_back = false;  // libvirt does it itself
    Time since = 0;           // on the list
  };
  Task& work(const std::string& name, std::function<void()> work);
  int hook(const std::string& guest, const std::string& xml, const std::string& operation,
           const std::string& sub);
  int hook(Guest& guest, const std::string& operation, const std::string& sub) {
    return hook(guest.plan.name, domain_xml(guest), operation, sub);
  }
  bool take_devices(Guest& guest);
  bool take(Guest& guest, const std::string& address);
  void give_back(const std::string& address);
  bool launch(Guest& guest);
  void stop(Guest& guest);
  void end_qemu(Guest& guest, Time lingers);
  void write_status(Guest& guest);
  void forget_files(Guest& guest);
  bool write(const std::string& path, const std::string& value);
  bool bind_vfio(const std::string& address);
  void bind_host(const std::string& address);

  Run& run_;
  int pid_ = 0;
  bool ready_ = false;
  int lists_held_ = 0;
  bool events_busy_ = false;
  std::vector<Task*> workers_;
  std::set<int> scripts_;  // that call the program, by process
  std::map<int, int> scripts_status_;
  std::map<std::string, Use> active_;
  std::set<std::string> detached_;  // and used by nobody
};

}  // namespace qh::simulation
