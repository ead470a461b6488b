// What is decided about one run: the host and its guests, what happens when, what goes wrong, and who is slow
// where. Made from a seed, or read from a file of found/; the run adds nothing of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "simulation/scheduler.h"

namespace qh::simulation {

// Something that happens on the host, whatever the program does: "start a", "kill-daemon", "mount".
struct Event {
  Time at = 0;
  std::string what;
  std::string guest = {};   // empty: it is about none
  std::string device = {};  // an address, or a kernel's lock
  Time lasts = 0;
};

// At the n-th act of a process ("prepare a #1").
struct Place {
  std::string process;
  long act = 0;
  bool operator<(const Place& other) const {
    return std::tie(process, act) < std::tie(other.process, other.act);
  }
};

enum class Fault { kill, fail, hang };
struct Trouble {
  Fault fault = Fault::kill;
  Time lasts = 0;  // of a hang
};

struct GuestPlan {
  std::string name;
  bool managed = true;
  std::vector<std::string> devices;
};

struct Scenario {
  std::uint64_t seed = 0;  // also of what is left to chance: who goes on first
  std::vector<GuestPlan> guests;
  bool dispatcher = false;     // libvirt calls a script, and that the program
  std::string reset = "none";  // host.toml's default
  std::string backend = "auto";
  Time launch = 0;  // from the end of `prepare` to QEMU's start: libvirt labels files and loads a profile
  bool graphics = false;  // the boot display is there, with a desktop on it
  std::vector<Event> events;
  std::map<Place, Trouble> troubles;
  std::map<Place, Time> stalls;

  // Made from the seed: troubles and stalls come up while it runs, with these chances in a million at an act.
  bool by_chance = false;
  int stall_chance = 0, trouble_chance = 0;
};

// The addresses of the host's devices, and which are in one IOMMU group.
inline const std::vector<std::string> devices = {
    "0000:00:05.0",                  // no driver
    "0000:02:00.0",                  // network card
    "0000:03:00.0", "0000:03:00.1",  // a card of two functions, one group
    "0000:04:10.0", "0000:04:10.1",  // virtual functions of 0000:04:00.0
    "0000:06:00.0",                  // an NVMe disk
};
inline const std::vector<std::string> graphics_devices = {"0000:01:00.0", "0000:01:00.1"};

Scenario make_scenario(std::uint64_t seed);

// A file's text, a line each, and back.
std::string to_text(const Scenario& scenario);
Result<Scenario> parse_scenario(const std::string& text);

}  // namespace qh::simulation
