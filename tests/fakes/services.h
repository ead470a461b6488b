// A model of what runs on a host beside the kernel: a display manager, its sessions, NVIDIA's daemon. Its
// processes are files below /proc.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fakes/kernel.h"
#include "host/services/services.h"

namespace qh::fakes {

class ModelServices : public host::Services {
 public:
  ModelServices(const TemporaryRoot& root, Faults& faults) : root_(root), faults_(faults) {}

  // A process that has `node` open, in a control group.
  void remove_process(int pid);
  void add_process(int pid, const std::string& name, const std::string& group, const std::string& node);
  void add_session(const std::string& id, const std::string& user, const std::string& seat);
  // A display manager that runs; it needs `node`, and is killed off by its absence as a real one.
  void add_display_manager(const std::string& name, const std::string& node);

  Result<std::string> display_manager() const override;
  bool is_running(const std::string& service) const;
  std::vector<std::string> stopped_with(const std::string& service) const override;
  Result<void> stop(const std::string& service, Milliseconds timeout) override;
  Result<void> start(const std::string& service, Milliseconds timeout) override;
  Result<void> end_session(const std::string& id, Milliseconds timeout) override;
  void end_process(const host::ProcessId& process, bool by_force) override;
  bool has_persistence(const PciAddress& card) const override;
  Result<void> set_persistence(const PciAddress& card, bool on, Milliseconds timeout) override;
  Result<void> hold_awake(const host::Awake& awake, Milliseconds timeout) override;
  Result<void> let_sleep(const std::string& unit, Milliseconds timeout) override;

  // Services, persistence, what keeps the host awake, as a text to compare.
  std::string state() const;

  std::map<std::string, bool> running;
  std::map<std::string, bool> persistence;     // by card
  std::vector<std::string> awake;              // units
  std::map<std::string, std::string> part_of;  // what it goes down with
  std::vector<int> stubborn;                   // processes that only go by force
  std::optional<Error> silent;                 // what asking for the display manager fails with

 private:
  const TemporaryRoot& root_;
  Faults& faults_;
  std::string display_manager_, display_manager_node_;
};

}  // namespace qh::fakes
