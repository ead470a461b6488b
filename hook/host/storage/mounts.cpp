#include "host/storage/mounts.h"

#include <algorithm>

#include "core/contains.h"
#include "core/text.h"

namespace qh::host {
namespace {

bool is_below(const std::string& path, const std::string& folder) {
  return folder == "/" || path == folder || path.starts_with(folder + "/");
}

}  // namespace

std::string unescaped(std::string_view text) {
  std::string out(text);
  for (auto at = out.find('\\'); at != std::string::npos; at = out.find('\\', at + 1)) {
    const std::string digits = out.substr(at + 1, 3);
    if (digits.size() == 3 && digits.find_first_not_of("01234567") == std::string::npos)
      out.replace(at, 4, 1, to_number<char>(digits, 8));
  }
  return out;
}

std::vector<Mount> read_mounts(const Host& host) {
  std::vector<Mount> all;
  for (const char* file : {"/proc/self/mountinfo", "/proc/1/mountinfo"}) {
    // One that cannot be read (init's, without root) adds nothing.
    const std::string text = host.read(file, 64U << 20U).value_or("");
    // proc_pid_mountinfo(5): "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root
    // rw,errors=continue", with any number of fields before the "-".
    for (const auto line : split(text, '\n')) {
      const auto fields = split(line, ' ');
      const auto dash = std::find(fields.begin(), fields.end(), "-");
      if (dash - fields.begin() < 6 || fields.end() - dash < 3) continue;
      add_once(all, {std::string(fields[2]), unescaped(fields[3]), unescaped(fields[4]), unescaped(dash[1]),
                     unescaped(dash[2])});
    }
  }
  return all;
}

const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path) {
  const Mount* best = nullptr;
  // Of two on one point the later one covers the earlier.
  for (const auto& m : mounts)
    if (is_below(path, m.point) && (best == nullptr || m.point.size() >= best->point.size())) best = &m;
  return best;
}

std::vector<std::string> read_swap_devices(const Host& host) {
  std::vector<std::string> all;
  const std::string text = host.read("/proc/swaps").value_or("");
  for (const auto line : split(text, '\n')) {
    const auto fields = words(line);
    if (fields.size() > 1 && fields[0].starts_with('/') && fields[1].starts_with("part"))
      all.push_back(unescaped(fields[0]));
  }
  return all;
}

}  // namespace qh::host
