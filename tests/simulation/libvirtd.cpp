#include "simulation/libvirtd.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "core/contains.h"
#include "event/hook.h"
#include "simulation/invariants.h"
#include "simulation/run.h"

namespace qh::simulation {
namespace {

std::string hostdev(const std::string& address, bool managed) {
  return "<hostdev mode='subsystem' type='pci' managed='" + std::string(managed ? "yes" : "no") +
         "'><source><address domain='0x" + address.substr(0, 4) + "' bus='0x" + address.substr(5, 2) +
         "' slot='0x" + address.substr(8, 2) + "' function='0x" + address.substr(11) +
         "'/></source></hostdev>";
}

std::string quoted(const Guest& guest) {
  return "guest " + guest.plan.name;
}

}  // namespace

std::string Libvirtd::domain_xml(const Guest& guest) const {
  std::string text = "<domain type='kvm'>\n<name>" + guest.plan.name + "</name>\n<uuid>" + guest.uuid +
                     "</uuid>\n<devices>\n";
  for (const auto& address : guest.devices) text += hostdev(address, guest.plan.managed) + "\n";
  return text + "</devices>\n</domain>\n";
}

// Dies with the daemon.
Task& Libvirtd::work(const std::string& name, std::function<void()> work) {
  Task& task = run_.scheduler.spawn(name, Task::Kind::world, std::move(work));
  task.guest.clear();
  workers_.push_back(&task);
  std::erase_if(workers_, [](const Task* t) { return t->ended; });
  return task;
}

int Libvirtd::hook(const std::string& guest, const std::string& xml, const std::string& operation,
                   const std::string& sub) {
  const std::string name = guest == "-" ? "daemon-start" : operation + " " + guest;
  const auto program = [guest, operation, sub] {
    const host::RealHost host("");
    return event::run(host, "/etc/libvirt/hooks/qemu", {guest, operation, sub, "-"});
  };
  if (!run_.scenario.dispatcher) return run_.run_program(name, guest, pid_, xml, program);
  // The script outlives its daemon, and waits for the program.
  const int script = run_.new_pid();
  run_.host.add_process(script, pid_, "bash", run_.scheduler.now());
  scripts_.insert(script);
  const Task& task =
      run_.scheduler.spawn("(script)", Task::Kind::world, [this, name, guest, script, xml, program] {
        scripts_status_[script] = run_.run_program(name, guest, script, xml, program);
        scripts_.erase(script);
        run_.host.end_process(script);
      });
  run_.scheduler.wait([&task] { return task.ended; }, never);
  return scripts_status_[script];
}

void Libvirtd::boot() {
  pid_ = run_.new_pid();
  ready_ = false;
  lists_held_ = 0;
  events_busy_ = false;
  busy_until = 0;
  active_.clear();
  detached_.clear();
  run_.host.add_process(pid_, 1, "libvirtd", run_.scheduler.now());
  run_.host.root.write("/run/libvirtd.pid", std::to_string(pid_));
  run_.tell("libvirtd: starts, process " + std::to_string(pid_));
  const int own = pid_;
  (void)hook("-", "", "start", "-");
  run_.scheduler.sleep(200 * ms);
  if (pid_ != own) return;
  for (auto& guest : run_.guests) {
    guest.busy = false;
    if (!guest.has_status) {
      guest.state = GuestState::off;
      guest.devices = guest.plan.devices;
      continue;
    }
    // The list of detached devices is lost; what the guest's state says was unbound by libvirt, for whomever,
    // is bound again at its end (virHostdevUpdateActivePCIDevices).
    for (const auto& address : guest.devices)
      active_[address] = {guest.plan.name, false, guest.plan.managed, run_.scheduler.now()};
    if (guest.qemu != 0) {
      guest.state = GuestState::running;
      (void)hook(guest, "reconnect", "begin");
      if (pid_ != own) return;
      continue;
    }
    guest.state = GuestState::stopping;
    guest.busy = true;
    work("libvirtd's end of " + guest.plan.name, [this, &guest] { stop(guest); });
  }
  ready_ = true;
}

void Libvirtd::kill_and_restart(Time pause) {
  if (pid_ == 0) return;
  run_.tell("libvirtd: is killed");
  const int before = std::exchange(pid_, 0);
  ready_ = false;
  run_.host.end_process(before);
  for (const int script : scripts_) run_.host.add_process(script, 1, "bash", run_.scheduler.now());
  // Before it has looked for its daemon, a script's child cannot tell that there was one.
  constexpr int acts_to_look = 12;
  for (const auto& task : run_.scheduler.tasks())
    if (scripts_.contains(task->parent) && task->acts < acts_to_look) run_.excuse(*task);
  for (Task* worker : std::exchange(workers_, {})) run_.scheduler.kill(*worker);
  for (auto& guest : run_.guests) {
    // A QEMU that libvirt has not let go yet ends with it (virCommandHandshakeNotify).
    if (guest.qemu != 0 && !guest.has_status) end_qemu(guest, 0);
    if (!guest.has_status) guest.state = GuestState::off;
    guest.busy = false;
  }
  run_.scheduler.sleep(pause);
  boot();
}

void Libvirtd::start(Guest& guest) {
  if (!ready_ || guest.busy || guest.state != GuestState::off) {
    run_.tell("virsh start " + guest.plan.name + ": libvirt refuses");
    return;
  }
  guest.busy = true;
  guest.state = GuestState::preparing;
  guest.started = run_.scheduler.now();
  guest.devices = guest.plan.devices;
  guest.plugged.clear();
  run_.saw_not_all.erase(guest.plan.name);
  work("libvirtd's start of " + guest.plan.name, [this, &guest] {
    run_.tell("begins");
    bool started = hook(guest, "prepare", "begin") == 0;
    if (started) {
      guest.state = GuestState::launching;
      check_prepared(run_, guest);
      ++run_.counts.starts;
      started = take_devices(guest) && hook(guest, "start", "begin") == 0 && launch(guest);
    } else {
      ++run_.counts.refused;
    }
    if (!started) {
      run_.tell("the start failed");
      guest.state = GuestState::stopping;
      stop(guest);
      return;
    }
    run_.tell("the guest runs");
    guest.state = GuestState::running;
    guest.busy = false;
  });
}

bool Libvirtd::write(const std::string& path, const std::string& value) {
  run_.host.touch(run_.host.write_locks(path, value), "libvirtd's write to " + path);
  run_.scheduler.pass(100);
  run_.scheduler.yield_if_due();
  run_.tell("writes " + (value == "\n" ? "nothing" : value) + " to " + path);
  const bool done = run_.host.write(path, value);
  Task& self = *run_.scheduler.current();
  if (self.dying) {  // its daemon was killed while the kernel held it
    const std::string address = HostModel::device_of(path, value);
    if (self.asked_by == nullptr) run_.expected[address].insert(run_.host.state_of(address));
    run_.scheduler.kill(self);
  }
  return done;
}

// virPCIDeviceBindToStub: nothing to do on the driver already; success is no proof.
bool Libvirtd::bind_vfio(const std::string& address) {
  if (!run_.host.is_there(address)) return false;
  if (run_.host.is_on_vfio(address)) return true;
  run_.host.kernel.add_driver("vfio-pci");
  const std::string folder = "bus/pci/devices/" + address;
  if (!write(folder + "/driver_override", "vfio-pci")) return false;
  if (!run_.host.kernel.driver(address).empty())
    (void)write("bus/pci/drivers/" + run_.host.kernel.driver(address) + "/unbind", address);
  return write("bus/pci/drivers_probe", address);
}

// virPCIDeviceUnbindFromStub: off whatever driver.
void Libvirtd::bind_host(const std::string& address) {
  if (!run_.host.is_there(address)) return;
  (void)write("bus/pci/devices/" + address + "/driver_override", "\n");
  // After its own restart too, when the hook has given the card back and the desktop runs on it.
  if (address == card && run_.host.desktop_runs && run_.scheduler.current()->asked_by == nullptr)
    run_.took_the_desktop = true;
  if (!run_.host.kernel.driver(address).empty())
    (void)write("bus/pci/drivers/" + run_.host.kernel.driver(address) + "/unbind", address);
  (void)write("bus/pci/drivers_probe", address);
  // Where the host driver refuses, libvirt leaves the device like that.
  if (run_.scheduler.current()->asked_by == nullptr)
    run_.expected[address].insert(run_.host.state_of(address));
}

bool Libvirtd::ends_itself(const Guest& guest, Time before) const {
  return is_alive() && std::ranges::any_of(active_, [&](const auto& entry) {
           return entry.second.guest == guest.plan.name && entry.second.since < before;
         });
}

bool Libvirtd::take(Guest& guest, const std::string& address) {
  if (active_.contains(address)) return false;
  // Of its group, nothing may be another guest's (virHostdevPreparePCIDevicesImpl).
  for (const auto& [other, use] : active_)
    if (use.guest != guest.plan.name && run_.host.group(other) == run_.host.group(address)) return false;
  if (!run_.host.is_there(address)) return false;
  Use use{guest.plan.name, detached_.contains(address), false, run_.scheduler.now()};
  if (!run_.host.is_on_vfio(address)) {
    if (!guest.plan.managed || !bind_vfio(address) || !run_.host.is_on_vfio(address)) return false;
    use.gives_back = true;
  }
  detached_.erase(address);
  active_[address] = use;
  return true;
}

bool Libvirtd::take_devices(Guest& guest) {
  run_.scheduler.wait([&] { return lists_held_ == 0; }, never);
  ++lists_held_;
  bool taken = true;
  for (const auto& address : guest.devices) {
    taken = taken && take(guest, address);
    if (!taken) {
      run_.tell("does not get " + address);
      break;
    }
  }
  --lists_held_;
  return taken;
}

void Libvirtd::give_back(const std::string& address) {
  const auto found = active_.find(address);
  if (found == active_.end()) return;
  const Use use = found->second;
  active_.erase(found);
  if (use.gives_back)
    bind_host(address);
  else if (use.ours)
    detached_.insert(address);
}

void Libvirtd::write_status(Guest& guest) {
  run_.host.root.write("/run/libvirt/qemu/" + guest.plan.name + ".xml",
                       "<domstatus state='running' pid='" + std::to_string(guest.qemu) + "'>\n" +
                           domain_xml(guest) + "</domstatus>\n");
  guest.has_status = true;
}

void Libvirtd::forget_files(Guest& guest) {
  const std::string file = run_.host.root.path() + "/run/libvirt/qemu/" + guest.plan.name;
  std::filesystem::remove(file + ".pid");
  run_.scheduler.pass(ms);
  run_.scheduler.yield_if_due();
  std::filesystem::remove(file + ".xml");
  guest.has_status = false;
}

// The guest's file follows at once on QEMU's start, before QEMU is let go ("Writing early domain status to
// disk" in qemuProcessLaunch).
bool Libvirtd::launch(Guest& guest) {
  if (run_.scenario.launch > 0) run_.scheduler.sleep(run_.scenario.launch);
  guest.qemu = run_.new_pid();
  run_.host.add_process(guest.qemu, 1, "qemu-system-x86", run_.scheduler.now());
  run_.host.set_arguments(guest.qemu, std::string("qemu-system-x86_64\0-uuid\0", 25) + guest.uuid);
  run_.host.root.write("/run/libvirt/qemu/" + guest.plan.name + ".pid", std::to_string(guest.qemu));
  run_.tell("starts QEMU, process " + std::to_string(guest.qemu));
  run_.scheduler.sleep(20 * ms);
  write_status(guest);
  run_.scheduler.sleep(100 * ms);
  for (const auto& address : guest.devices) {
    if (guest.qemu == 0) return false;
    if (run_.host.open(address, guest.qemu)) continue;
    run_.tell("QEMU cannot open " + address);
    end_qemu(guest, 0);
    return false;
  }
  return guest.qemu != 0;
}

void Libvirtd::end_qemu(Guest& guest, Time lingers) {
  const int qemu = guest.qemu;
  if (qemu == 0) return;
  if (lingers > 0) {
    // It closes its devices, and the kernel takes its time, with the locks of its group and of its memory.
    run_.tell("QEMU of " + quoted(guest) + " is ending, and lingers");
    Locks locks{"memory " + std::to_string(qemu)};
    for (const auto& [address, user] : run_.host.opened)
      if (user == qemu) locks.push_back("group " + run_.host.group(address));
    run_.host.hold(locks, run_.scheduler.now() + lingers);
    run_.scheduler.sleep(lingers);
    if (guest.qemu != qemu) return;
  }
  std::vector<std::string> its;
  for (const auto& [address, user] : run_.host.opened)
    if (user == qemu) its.push_back(address);
  for (const auto& address : its) run_.host.close(address);
  run_.host.end_process(qemu);
  guest.qemu = 0;
  run_.tell("QEMU of " + quoted(guest) + " is gone");
}

void Libvirtd::stop(Guest& guest) {
  if (guest.qemu != 0) {
    // libvirt waits for it as long as this, and then goes on (virProcessKillPainfullyDelay).
    run_.scheduler.spawn("QEMU " + std::to_string(guest.qemu), Task::Kind::world,
                         [this, &guest] { end_qemu(guest, 300 * ms); });
    run_.scheduler.wait([&] { return guest.qemu == 0; }, run_.scheduler.now() + 15 * second);
  }
  (void)hook(guest, "stopped", "end");
  run_.scheduler.wait([&] { return lists_held_ == 0; }, never);
  ++lists_held_;
  for (const auto& address : guest.devices)
    if (const auto use = active_.find(address); use != active_.end() && use->second.guest == guest.plan.name)
      give_back(address);
  --lists_held_;
  forget_files(guest);
  (void)hook(guest, "release", "end");
  guest.state = GuestState::off;
  guest.devices = guest.plan.devices;
  guest.busy = false;
  run_.tell("the guest is off");
}

void Libvirtd::destroy(Guest& guest) {
  if (!ready_ || guest.busy || guest.state != GuestState::running) return;
  guest.busy = true;
  guest.state = GuestState::stopping;
  run_.tell("virsh destroy " + guest.plan.name);
  work("libvirtd's end of " + guest.plan.name, [this, &guest] { stop(guest); });
}

void Libvirtd::qemu_ends(Guest& guest, Time lingers) {
  if (guest.qemu == 0 || guest.state != GuestState::running) return;
  end_qemu(guest, lingers);
  if (!ready_) return;  // the next daemon finds out
  // libvirt itself waits 30 s for another job of the guest's, and then leaves it running without a QEMU until
  // somebody destroys it (processMonitorEOFEvent): that is not simulated.
  run_.scheduler.wait([&] { return !guest.busy || !ready_; }, never);
  if (guest.state != GuestState::running || guest.qemu != 0 || !ready_) return;
  guest.busy = true;
  guest.state = GuestState::stopping;
  // One thread serves the ends of all guests.
  work("libvirtd's end of " + guest.plan.name, [this, &guest] {
    run_.scheduler.wait([this] { return !events_busy_; }, never);
    events_busy_ = true;
    stop(guest);
    events_busy_ = false;
  });
}

void Libvirtd::plug(Guest& guest, const std::string& address) {
  if (!ready_ || guest.busy || guest.state != GuestState::running || contains(guest.devices, address)) return;
  guest.busy = true;
  work("libvirtd's attach-device to " + guest.plan.name, [this, &guest, address] {
    run_.tell("plugs in " + address);
    run_.scheduler.wait([&] { return lists_held_ == 0; }, never);
    ++lists_held_;
    const bool taken = take(guest, address);
    --lists_held_;
    if (taken && guest.qemu != 0 && run_.host.open(address, guest.qemu)) {
      guest.devices.push_back(address);
      guest.plugged[address] = run_.scheduler.now();
      for (const auto& task : run_.scheduler.tasks()) task->acts_at_plug = task->acts;
      write_status(guest);
    } else if (taken) {
      give_back(address);
    }
    guest.busy = false;
  });
}

void Libvirtd::unplug(Guest& guest, const std::string& address) {
  if (!ready_ || guest.busy || guest.state != GuestState::running || !contains(guest.devices, address))
    return;
  guest.busy = true;
  work("libvirtd's detach-device from " + guest.plan.name, [this, &guest, address] {
    run_.tell("unplugs " + address);
    run_.host.close(address);
    run_.scheduler.wait([&] { return lists_held_ == 0; }, never);
    ++lists_held_;
    give_back(address);
    --lists_held_;
    std::erase(guest.devices, address);
    write_status(guest);
    guest.busy = false;
  });
}

void Libvirtd::detach_by_hand(const std::string& address) {
  if (!ready_ || lists_held_ > 0 || address == card || (address == disk && run_.host.mounted)) return;
  ++lists_held_;
  if (bind_vfio(address)) detached_.insert(address);
  --lists_held_;
}

Libvirtd::Answer Libvirtd::call(Verb verb, const std::string& address) {
  const int daemon = pid_;
  const auto is_gone = [&] { return pid_ != daemon || pid_ == 0; };
  if (is_gone()) return {true, "Failed to connect socket"};
  // The daemon accepts nobody before its drivers are up.
  run_.scheduler.wait([&] { return ready_ || is_gone(); }, never);
  if (is_gone()) return {true, "Cannot recv data: Connection reset by peer"};
  if (verb == Verb::connect) return {};
  if (verb == Verb::look_up)
    return run_.host.is_there(address) ? Answer{} : Answer{true, "no node device with matching name"};
  struct Request {
    bool done = false;
    Answer answer;
  };
  const auto request = std::make_shared<Request>();
  Task& worker = work("libvirtd's worker", [this, verb, address, request] {
    run_.scheduler.wait([this] { return run_.scheduler.now() >= busy_until; }, busy_until);
    if (verb != Verb::ask) {
      run_.scheduler.wait([this] { return lists_held_ == 0; }, never);
      ++lists_held_;
      if (active_.contains(address)) {
        request->answer.error =
            "PCI device " + address + " is in use by driver QEMU, domain " + active_[address].guest;
      } else if (verb == Verb::detach) {
        if (!bind_vfio(address))
          request->answer.error = "Failed to bind PCI device " + address;
        else
          detached_.insert(address);
      } else {
        bind_host(address);
        detached_.erase(address);
      }
      --lists_held_;
    }
    request->done = true;
  });
  worker.asked_by = &run_.scheduler.current()->process();
  worker.guest = run_.scheduler.current()->guest;
  run_.scheduler.wait([&] { return request->done || is_gone(); }, never, &worker);
  if (!request->done) return {true, "Cannot recv data: Connection reset by peer"};
  return request->answer;
}

}  // namespace qh::simulation
