#include "host/processes/sound_servers.h"

#include <algorithm>
#include <array>

#include "core/text.h"
#include "host/services/udev.h"

namespace qh::host {
namespace {

constexpr char control_node[] = "/dev/snd/controlC";

// "comm" has at most 15 characters of the name.
bool is_sound_server(const std::string& command) {
  constexpr std::array known{"wireplumber", "pipewire", "pipewire-media-", "pulseaudio"};
  return std::find(known.begin(), known.end(), command) != known.end();
}

// "0::/user.slice/…", only where control groups are version 2.
bool is_frozen(const Host& host, const std::string& process) {
  const auto text = host.read(process + "/cgroup").value_or("");
  for (const auto line : split(text, '\n')) {
    if (!line.starts_with("0::/")) continue;
    const auto events = host.sysfs.read("fs/cgroup" + std::string(line.substr(3)) + "/cgroup.events");
    return events.value_or("").find("frozen 1") != std::string::npos;
  }
  return false;
}

bool is_stopped(const Host& host, int pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  const auto stat = host.read(process + "/stat").value_or("");
  const auto state = stat.rfind(") ");  // the name before it may hold anything
  const bool has_stopped = state != std::string::npos && state + 2 < stat.size() &&
                           (stat[state + 2] == 'T' || stat[state + 2] == 't');
  return has_stopped || is_frozen(host, process);
}

// PipeWire's spa/plugins/alsa/alsa-udev.c and PulseAudio's module-udev-detect.c look at these before they
// look at what happened.
std::string told_to_ignore(const Host& host, const DeviceNode& node) {
  const std::string card = "+sound:card" + node.path.substr(std::string(control_node).size());
  const std::string control = "c" + std::to_string(node.major) + ":" + std::to_string(node.minor);
  for (const auto& id : {card, control}) {
    const auto entry = udev_entry(host, id);
    for (const char* key : {"ACP_IGNORE", "PULSE_IGNORE"})
      if (const auto value = entry.property(key); !value.empty() && value != "0") return key;
  }
  return {};
}

}  // namespace

std::vector<SoundWatcher> sound_watchers(const Host& host, const std::vector<Holder>& holders) {
  std::vector<SoundWatcher> all;
  for (const auto& h : holders) {
    const auto same = [&](const auto& w) { return w.pid == h.pid && w.function == h.node.function; };
    if (!is_sound_server(h.command) || std::any_of(all.begin(), all.end(), same)) continue;
    SoundWatcher watcher{h.pid, h.node.function};
    const bool only_watches = std::all_of(holders.begin(), holders.end(), [&](const Holder& other) {
      return other.pid != h.pid || other.node.function != h.node.function ||
             other.node.path.starts_with(control_node);
    });
    if (!only_watches) continue;
    watcher.stopped = is_stopped(host, h.pid);
    for (const auto& other : holders)
      if (same(SoundWatcher{other.pid, other.node.function}) && watcher.told_to_ignore.empty())
        watcher.told_to_ignore = told_to_ignore(host, other.node);
    all.push_back(std::move(watcher));
  }
  return all;
}

std::vector<Holder> without_watchers(const Host& host, std::vector<Holder> holders) {
  const auto watchers = sound_watchers(host, holders);
  std::erase_if(holders, [&](const Holder& h) {
    return std::any_of(watchers.begin(), watchers.end(), [&](const SoundWatcher& w) {
      return w.pid == h.pid && w.function == h.node.function && w.lets_go();
    });
  });
  return holders;
}

}  // namespace qh::host
