#include "simulation/scenario.h"

#include <algorithm>

#include "core/text.h"

namespace qh::simulation {
namespace {

constexpr const char* fault_names[] = {"kill", "fail", "hang"};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return mixed(++state_ * 0x2545f4914f6cdd1dU); }
  int below(int n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }
  bool one_in(int n) { return below(n) == 0; }
  Time between(Time low, Time high) {
    return low + static_cast<Time>(next() % static_cast<std::uint64_t>(high - low));
  }
  template <class Choice>
  Choice one_of(const std::vector<Choice>& all) {
    return all[static_cast<std::size_t>(below(static_cast<int>(all.size())))];
  }

 private:
  std::uint64_t state_;
};

std::string number(Time n) {
  return std::to_string(n);
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string from_dash(std::string_view text) {
  return text == "-" ? "" : std::string(text);
}

}  // namespace

Scenario make_scenario(std::uint64_t seed) {
  Dice dice(mixed(seed));
  Scenario s;
  s.seed = seed;
  s.by_chance = true;
  const int guests = dice.one_of<int>({1, 1, 2, 2, 2, 2, 3, 3, 4, 6, 8});
  s.graphics = dice.one_in(4);
  s.dispatcher = dice.one_in(4);
  s.reset = dice.one_of<std::string>({"none", "none", "none", "flr", "auto", "bus", "remove-rescan"});
  s.backend = dice.one_of<std::string>({"auto", "auto", "auto", "sysfs", "libvirt"});
  auto all = devices;
  if (s.graphics) all.insert(all.end(), {graphics_devices[0], graphics_devices[0], graphics_devices[0]});
  // Few devices for many guests, so that they meet.
  std::vector<std::string> wanted;
  for (int i = 0, n = 1 + dice.below(3); i < n; ++i) wanted.push_back(dice.one_of(all));
  for (int i = 0; i < guests; ++i) {
    GuestPlan guest{std::string(1, static_cast<char>('a' + i)), !dice.one_in(3), {}};
    for (int k = 0, n = 1 + dice.below(2); k < n; ++k) {
      const std::string device = dice.one_of(wanted);
      const auto add = [&](const std::string& address) {
        if (std::ranges::count(guest.devices, address) == 0) guest.devices.push_back(address);
      };
      add(device);
      // A group goes as a whole, as a rule.
      if (device == graphics_devices[0]) add(graphics_devices[1]);
      if (device.starts_with("0000:03:00") && !dice.one_in(6)) add("0000:03:00.0"), add("0000:03:00.1");
    }
    s.guests.push_back(guest);
  }
  const Time length = dice.one_of<Time>({5 * second, 20 * second, 60 * second});
  const auto any_guest = [&] { return s.guests[static_cast<std::size_t>(dice.below(guests))]; };
  const auto at = [&] { return dice.between(0, length); };
  for (const auto& guest : s.guests) {
    Time when = dice.one_in(2) ? dice.between(0, second) : at();
    for (int rounds = 1 + dice.below(2); rounds > 0; --rounds) {
      s.events.push_back({when, "start", guest.name});
      when += dice.between(200 * ms, length / 2);
      const auto how = dice.one_of<std::string>({"destroy", "destroy", "qemu-dies", "qemu-lingers"});
      s.events.push_back({when, how, guest.name, "", dice.one_of<Time>({100 * ms, 3 * second, 12 * second})});
      when += dice.between(0, length / 2);
    }
  }
  for (int n = dice.below(5); n > 0; --n) {
    const auto guest = any_guest();
    const std::string device = dice.one_of(guest.devices);
    switch (dice.below(15)) {
      case 0:
      case 1:
        s.events.push_back({at(), "kill-daemon", "", "", dice.between(100 * ms, 5 * second)});
        break;
      case 2:
        s.events.push_back({at(), "kill-unit", "", "", dice.between(100 * ms, 2 * second)});
        break;
      case 3:
        s.events.push_back(
            {at(), "busy-daemon", "", "", dice.one_of<Time>({second, 10 * second, 100 * second})});
        break;
      case 4:
        s.events.push_back({at(), "user-unbinds", "", device});
        break;
      case 5:
        s.events.push_back({at(), dice.one_in(2) ? "user-overrides" : "user-detaches", "", device});
        break;
      case 6:
        s.events.push_back({at(), "mount", "", "", dice.between(second, length)});
        break;
      case 7:
      case 8:
        s.events.push_back({at(), "unplug", guest.name, device});
        s.events.push_back({at(), "plug", any_guest().name, device});
        break;
      case 9:
        s.events.push_back({at(), "plug", any_guest().name, dice.one_of(wanted)});
        break;
      case 10:
        s.events.push_back({at(), "reattach", guest.name});
        break;
      case 11:
        s.events.push_back({at(), "detach", guest.name});
        break;
      case 12:
        s.events.push_back({at(), "refuse", "", device, dice.between(second, length)});
        break;
      case 13:
        s.events.push_back({at(), "setup", guest.name});
        break;
      default: {
        auto locks = std::vector<std::string>{"device " + device, "config " + device, "qemu " + guest.name};
        if (s.graphics) locks.insert(locks.end(), {"console", "console"});
        s.events.push_back(
            {at(), "hold", "", dice.one_of(locks), dice.one_of<Time>({second, 30 * second, 200 * second})});
      }
    }
  }
  std::ranges::stable_sort(s.events, {}, &Event::at);
  s.stall_chance = dice.one_of<int>({0, 100, 500, 2000});
  s.trouble_chance = dice.one_of<int>({0, 0, 30, 100, 300});
  s.launch = dice.one_of<Time>({0, 0, 100 * ms, second, 6 * second});
  return s;
}

std::string to_text(const Scenario& s) {
  std::string text = "seed " + std::to_string(s.seed) + "\n";
  if (s.graphics) text += "graphics\n";
  if (s.dispatcher) text += "dispatcher\n";
  if (s.launch > 0) text += "launch " + number(s.launch) + "\n";
  text += "reset " + s.reset + "\nbackend " + s.backend + "\n";
  for (const auto& g : s.guests)
    text += "guest " + g.name + (g.managed ? " managed " : " unmanaged ") + join(g.devices, " ") + "\n";
  for (const auto& e : s.events)
    text += "event " + number(e.at) + " " + e.what + " " + or_dash(e.guest) + " " + number(e.lasts) + " " +
            or_dash(e.device) + "\n";
  for (const auto& [place, trouble] : s.troubles)
    text += "trouble " + number(place.act) + " " + fault_names[static_cast<int>(trouble.fault)] + " " +
            number(trouble.lasts) + " " + place.process + "\n";
  for (const auto& [place, time] : s.stalls)
    text += "stall " + number(place.act) + " " + number(time) + " " + place.process + "\n";
  return text;
}

Result<Scenario> parse_scenario(const std::string& text) {
  Scenario s;
  for (const auto line : split(text, '\n')) {
    const auto w = words(line);
    if (w.empty() || line.starts_with('#')) continue;
    const auto rest = [&](std::size_t n) {
      return join(std::vector<std::string>(w.begin() + static_cast<std::ptrdiff_t>(n), w.end()), " ");
    };
    const auto time = [&](std::size_t n) { return static_cast<Time>(to_number(w[n])); };
    if (w[0] == "seed" && w.size() == 2) {
      s.seed = to_number(w[1]);
    } else if (w[0] == "graphics") {
      s.graphics = true;
    } else if (w[0] == "dispatcher") {
      s.dispatcher = true;
    } else if (w[0] == "launch" && w.size() == 2) {
      s.launch = time(1);
    } else if (w[0] == "reset" && w.size() == 2) {
      s.reset = w[1];
    } else if (w[0] == "backend" && w.size() == 2) {
      s.backend = w[1];
    } else if (w[0] == "guest" && w.size() > 2) {
      s.guests.push_back(
          {std::string(w[1]), w[2] == "managed", std::vector<std::string>(w.begin() + 3, w.end())});
    } else if (w[0] == "event" && w.size() >= 6) {
      s.events.push_back({time(1), std::string(w[2]), from_dash(w[3]), from_dash(rest(5)), time(4)});
    } else if (w[0] == "trouble" && w.size() > 4) {
      const auto* fault = std::ranges::find(fault_names, w[2]);
      if (fault == std::end(fault_names))
        return fail(ErrorKind::bad_input, "no such fault: " + std::string(line));
      s.troubles[{rest(4), static_cast<long>(time(1))}] = {static_cast<Fault>(fault - fault_names), time(3)};
    } else if (w[0] == "stall" && w.size() > 3) {
      s.stalls[{rest(3), static_cast<long>(time(1))}] = time(2);
    } else {
      return fail(ErrorKind::bad_input, "this line says nothing: " + std::string(line));
    }
  }
  return s;
}

}  // namespace qh::simulation
