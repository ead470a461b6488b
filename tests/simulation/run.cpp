#include "simulation/run.h"

#include <algorithm>

#include "cli/cli.h"
#include "core/contains.h"
#include "handover/journal.h"
#include "simulation/invariants.h"

namespace qh::simulation {

Run* playing = nullptr;

// The rest of what a run leaves behind: in child.cpp, system_calls.cpp.
void forget_helpers();
void forget_files();

Counts& Counts::operator+=(const Counts& other) {
  schedules += other.schedules;
  acts += other.acts;
  starts += other.starts;
  refused += other.refused;
  killed += other.killed;
  failed += other.failed;
  hung += other.hung;
  stalls += other.stalls;
  return *this;
}

Run::Run(const Scenario& what, bool tells)
    : scenario(what),
      scheduler(what.seed),
      host(*this, what.graphics),
      libvirtd(*this),
      tells_(tells),
      chance_(mixed(what.seed)) {
  counts.schedules = 1;
  for (const auto& plan : scenario.guests) {
    Guest guest;
    guest.plan = plan;
    guest.devices = plan.devices;
    guest.uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3f" + std::to_string(10 + guests.size());
    guests.push_back(guest);
  }
  for (const auto& guest : guests)
    host.root.write("/etc/libvirt/qemu/" + guest.plan.name + ".xml", libvirtd.domain_xml(guest));
  host.root.write("/etc/libvirt/qemu-hook/host.toml",
                  "backend = \"" + scenario.backend + "\"\n[defaults]\nreset = \"" + scenario.reset + "\"\n");
  for (const auto& address : host.all_devices()) expected[address] = {host.state_of(address)};
  screen = host.state_of_screen();
  playing = this;
}

Run::~Run() {
  forget_files();
  forget_helpers();
  playing = nullptr;
}

Guest& Run::guest(const std::string& name) {
  return *std::ranges::find(guests, name, [](const Guest& g) { return g.plan.name; });
}

void Run::write_line(const std::string& line) {
  char time[32];
  std::snprintf(time, sizeof time, "%9.3f  ", static_cast<double>(scheduler.now()) / second);
  const Task* task = scheduler.current();
  story.push_back(time + (task != nullptr ? task->name + ": " : std::string()) + line);
}

void Run::find(const std::string& rule, const std::string& text) {
  if (finding) return;
  finding = Finding{rule, text};
  tell("FOUND " + rule + ": " + text);
  scheduler.stop();
}

void Run::excuse(const Task& process) {
  excused.insert(process.guest);
  // A daemon's start undoes what all of them left over.
  if (process.guest == "-")
    for (const auto& g : guests) excused.insert(g.plan.name);
}

void Run::die_if_killed() {
  Task& task = *scheduler.current();
  if (task.dying && !task.in_kernel) scheduler.kill(task);
}

std::optional<Trouble> Run::act(Weight weight, bool can_fail, bool can_hang) {
  Task& task = *scheduler.current();
  Task& process = task.process();
  ++counts.acts;
  scheduler.pass(15);
  const Place place{process.name, ++process.acts};
  die_if_killed();
  if (quiet_) {
    scheduler.yield_if_due();
    return {};
  }
  const auto chance = [&](int in_a_million, int factor) {
    chance_ += 0x9e3779b97f4a7c15U;
    return static_cast<int>(mixed(chance_) % 1'000'000) < in_a_million * factor;
  };
  const auto pick = [&](std::initializer_list<Time> times) {
    return *(times.begin() + static_cast<long>(mixed(++chance_) % times.size()));
  };
  if (scenario.by_chance && scenario.stall_chance > 0 &&
      chance(scenario.stall_chance, weight == Weight::telling ? 20 : 1))
    scenario.stalls[place] = pick({ms, 30 * ms, 300 * ms, 2 * second, 8 * second});
  if (const auto stall = scenario.stalls.find(place); stall != scenario.stalls.end()) {
    ++counts.stalls;
    process.stalled += stall->second;
    tell("is slow");
    scheduler.sleep(stall->second);
  } else {
    scheduler.yield_if_due();
  }
  if (scenario.by_chance && scenario.trouble_chance > 0 &&
      chance(scenario.trouble_chance, can_hang                    ? 200
                                      : weight == Weight::telling ? 20
                                                                  : 1)) {
    std::vector<Fault> possible{Fault::kill};
    if (can_fail) possible.push_back(Fault::fail);
    if (can_hang) possible.insert(possible.end(), {Fault::hang, Fault::hang});
    const Fault fault = possible[mixed(++chance_) % possible.size()];
    scenario.troubles[place] = {fault, pick({second, 10 * second, 60 * second, 1000 * second})};
  }
  const auto found = scenario.troubles.find(place);
  if (found == scenario.troubles.end()) return {};
  const Trouble trouble = found->second;
  excuse(process);
  switch (trouble.fault) {
    case Fault::kill:
      ++counts.killed;
      tell("is killed");
      scheduler.kill_process(process);
      return {};
    case Fault::fail:
      if (!can_fail) return {};
      ++counts.failed;
      tell("this fails");
      return trouble;
    case Fault::hang:
      if (!can_hang) return {};
      ++counts.hung;
      return trouble;
  }
  return {};
}

int Run::run_program(const std::string& name, const std::string& about, int parent, const std::string& input,
                     std::function<int()> program) {
  Task& process = scheduler.spawn(name + " #" + std::to_string(++names_[name]), Task::Kind::process, {});
  process.work = [this, &process, program = std::move(program)] {
    process.status = program();
    tell("ends with " + std::to_string(process.status));
    check_end(*this, process);
    if (process.status != 0) excuse(process);
  };
  process.guest = about;
  process.pid = new_pid();
  process.parent = parent;
  process.input = input;
  scheduler.wait([&process] { return process.ended || process.detached; }, never, &process);
  return process.status;
}

int Run::command(const std::string& option, const std::string& about) {
  return run_program(option.substr(2) + " " + about, about, shell, "", [option, about] {
    const host::RealHost real("");
    return cli::run(real, {option, about});
  });
}

void Run::happen(const Event& event) {
  const std::string& what = event.what;
  if (what == "start") return libvirtd.start(guest(event.guest));
  if (what == "destroy") return libvirtd.destroy(guest(event.guest));
  if (what == "qemu-dies") return libvirtd.qemu_ends(guest(event.guest), 50 * ms);
  if (what == "qemu-lingers") return libvirtd.qemu_ends(guest(event.guest), event.lasts);
  const auto is_claimed = [&] {
    const auto address = parse_pci_address(event.device);
    return address && std::ranges::any_of(handover::list_records(host::RealHost(host.root.path())),
                                          [&](const auto& r) { return contains(r.devices, *address); });
  };
  // Nobody takes the card from a desktop, or while one is on its way back.
  if (what == "plug" && event.device == card && (host.desktop_runs || is_claimed())) return;
  if (what == "plug") return libvirtd.plug(guest(event.guest), event.device);
  if (what == "unplug") return libvirtd.unplug(guest(event.guest), event.device);
  if (what == "kill-daemon") return libvirtd.kill_and_restart(event.lasts);
  if (what == "kill-unit") {
    // With all that runs in its control group: the hooks that it has called.
    for (const auto& task : scheduler.tasks()) {
      if (task->kind != Task::Kind::process || task->ended || task->parent == shell) continue;
      excuse(*task);
      scheduler.kill_process(*task);
    }
    return libvirtd.kill_and_restart(event.lasts);
  }
  if (what == "busy-daemon") {
    tell("all workers of libvirtd are busy");
    libvirtd.busy_until = scheduler.now() + event.lasts;
    scheduler.sleep(event.lasts);
    return;
  }
  if (what == "reattach" || what == "detach" || what == "setup") {
    if (command("--" + what, event.guest) == 0 && what == "detach") excused.insert(event.guest);
    return;
  }
  if (what == "mount") {
    if (!host.mount()) return;
    tell("mounts the disk");
    scheduler.sleep(event.lasts);
    host.mounted = false;
    tell("unmounts the disk");
    return;
  }
  if (what == "refuse") {
    tell(host.native_driver(event.device) + " refuses to bind");
    host.kernel.refusing_drivers.push_back(host.native_driver(event.device));
    scheduler.sleep(event.lasts);
    host.kernel.refusing_drivers.clear();
    return;
  }
  if (what == "hold") {
    Locks locks{event.device};
    if (event.device.starts_with("qemu ")) {
      const Guest& its = guest(event.device.substr(5));
      if (its.qemu == 0) return;
      locks = {"memory " + std::to_string(its.qemu)};
    }
    tell("a driver hangs with " + locks[0]);
    host.hold(locks, scheduler.now() + event.lasts);
    scheduler.sleep(event.lasts);
    return;
  }
  // A user at a device that is the host's now.
  const bool free =
      !libvirtd.is_active(event.device) && !host.is_on_vfio(event.device) && host.is_there(event.device);
  if (!free || is_claimed() || host.is_held({"device " + event.device})) return;
  const std::string driver = host.kernel.driver(event.device);
  const bool in_use = (event.device == disk && host.mounted) || event.device == card;
  if (what == "user-unbinds" && !driver.empty() && !in_use) {
    tell("unbinds " + event.device + " from " + driver);
    (void)host.write("bus/pci/drivers/" + driver + "/unbind", event.device);
  }
  if (what == "user-overrides" && !host.native_driver(event.device).empty()) {
    tell("sets the driver_override of " + event.device);
    (void)host.write("bus/pci/devices/" + event.device + "/driver_override",
                     host.native_driver(event.device));
  }
  if (what == "user-detaches") libvirtd.detach_by_hand(event.device);
  // A hand-over that has looked already may bring back what it saw.
  const bool is_watched = std::ranges::any_of(
      scheduler.tasks(), [](const auto& t) { return t->kind == Task::Kind::process && !t->ended; });
  // What was detached by hand, --reattach gives back.
  if (!is_watched && what != "user-detaches") expected[event.device].clear();
  expected[event.device].insert(host.state_of(event.device));
  // And libvirt's giving back clears the driver_override.
  if (what == "user-detaches") {
    expected[event.device].insert(host.described(host.native_driver(event.device), ""));
    // Its driver may refuse, or --reattach be killed: there is no journal then.
    for (const char* driver_override : {"", "vfio-pci"})
      for (const char* its : {"", "vfio-pci"})
        expected[event.device].insert(host.described(its, driver_override));
  }
}

void Run::be_quiet() {
  scheduler.run();
}

void Run::play() {
  scheduler.spawn("boot", Task::Kind::world, [this] { libvirtd.boot(); });
  be_quiet();
  const Time begin = scheduler.now();
  for (const auto& event : scenario.events) {
    const std::string name = event.what + (event.guest.empty() ? "" : " " + event.guest);
    scheduler.spawn("(" + name + ")", Task::Kind::world, [this, event, begin] {
      scheduler.wait({}, begin + event.at);
      happen(event);
    });
  }
  be_quiet();
  if (!finding) check_quiet(*this, "when all is quiet");
  if (!finding) end();
}

void Run::end() {
  quiet_ = true;
  host.kernel.refusing_drivers.clear();
  scheduler.spawn("at the end", Task::Kind::world, [this] {
    // What was unplugged comes back by hand while its guest runs on.
    const auto nobody_has = [this](const std::string& address) {
      return host.is_there(address) && !expected.at(address).contains(host.state_of(address)) &&
             std::ranges::none_of(guests, [&](const auto& g) { return contains(g.devices, address); });
    };
    for (auto& g : guests)
      if (g.state == GuestState::running && std::ranges::any_of(g.plan.devices, nobody_has) &&
          command("--reattach", g.plan.name) != 0)
        find("what was unplugged does not come back", "from " + g.plan.name);
    for (auto& g : guests) libvirtd.destroy(g);
  });
  be_quiet();
  if (finding) return;
  check_quiet(*this, "after all guests have ended");
  if (finding) return;
  // By a journal, --reattach leaves what it found on vfio-pci before; without one, it gives back what was
  // detached by hand, too.
  const auto states = [this] {
    std::string text;
    for (const auto& address : host.all_devices())
      if (std::ranges::none_of(scenario.events, [&](const auto& e) {
            return e.what == "user-detaches" && e.device == address;
          }))
        text += host.state_of(address) + "\n";
    return text;
  };
  for (int round = 1; round <= 2 && !finding; ++round) {
    const std::string before = states();
    scheduler.spawn("by hand", Task::Kind::world, [this, round] {
      for (auto& g : guests)
        if (host.root.exists("/etc/libvirt/qemu-hook/guests/" + g.plan.name + ".toml") ||
            host.root.exists("/run/libvirt/qemu-hook/" + g.plan.name + ".journal"))
          // The first may find a device that is another guest's, who comes later.
          if (command("--reattach", g.plan.name) != 0 && round == 2)
            find("--reattach fails", "of " + g.plan.name);
    });
    be_quiet();
    if (finding) return;
    excused.clear();
    if (!finding) check_quiet(*this, "after --reattach");
    if (const std::string after = states(); round == 2 && before != after)
      find("a second --reattach changes something", before + "is now\n" + after);
  }
}

}  // namespace qh::simulation
