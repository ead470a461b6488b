#include "host/processes/sound_servers.h"

#include <algorithm>

#include "core/text.h"
#include "host/processes/process.h"
#include "host/services/udev.h"

namespace qh::host {
namespace {

constexpr char control_node[] = "/dev/snd/controlC";

// "comm" has at most 15 characters of the name.
bool is_sound_server(const std::string& command) {
  return command == "wireplumber" || command == "pipewire" || command == "pipewire-media-" ||
         command == "pulseaudio";
}

bool is_stopped(const Host& host, int pid) {
  const auto process = read_any_process(host, pid);
  if (process && (process->state == 'T' || process->state == 't')) return true;
  // Or frozen: "0::/user.slice/…", only where control groups are version 2.
  const auto groups = host.read("/proc/" + std::to_string(pid) + "/cgroup").value_or("");
  for (const auto line : split(groups, '\n'))
    if (line.starts_with("0::/"))
      return host.sysfs.read("fs/cgroup" + std::string(line.substr(3)) + "/cgroup.events")
                 .value_or("")
                 .find("frozen 1") != std::string::npos;
  return false;
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
    SoundWatcher watcher{h.pid, h.node.function};
    const bool known = std::any_of(all.begin(), all.end(), [&](const auto& w) { return w.is(h); });
    const bool only_watches = std::all_of(holders.begin(), holders.end(), [&](const Holder& other) {
      return !watcher.is(other) || other.node.path.starts_with(control_node);
    });
    if (known || !only_watches || !is_sound_server(h.command)) continue;
    watcher.stopped = is_stopped(host, h.pid);
    for (const auto& other : holders)
      if (watcher.is(other) && watcher.told_to_ignore.empty())
        watcher.told_to_ignore = told_to_ignore(host, other.node);
    all.push_back(std::move(watcher));
  }
  return all;
}

std::vector<Holder> without_watchers(const Host& host, std::vector<Holder> holders) {
  for (const auto& watcher : sound_watchers(host, holders))
    if (watcher.lets_go()) std::erase_if(holders, [&](const Holder& h) { return watcher.is(h); });
  return holders;
}

}  // namespace qh::host
