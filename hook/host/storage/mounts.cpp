#include "host/storage/mounts.h"

#include <algorithm>

#include "core/file.h"
#include "core/text.h"

namespace qh::host {
namespace {

// proc_pid_mountinfo(5): "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
// with any number of fields before the "-".
void read_mountinfo(const std::string& path, std::vector<Mount>& out) {
  // One that cannot be read (init's, without root) adds nothing.
  const auto text = read_file(path, 64U << 20U);
  if (!text) return;
  for (const auto line : split(*text, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() < 6 || fields.end() - dash < 3) continue;
    Mount m{std::string(fields[2]), unescaped(fields[3]), unescaped(fields[4]), unescaped(dash[1]),
            unescaped(dash[2])};
    const bool known = std::any_of(out.begin(), out.end(), [&](const Mount& other) {
      return other.device == m.device && other.point == m.point && other.root == m.root;
    });
    if (!known) out.push_back(std::move(m));
  }
}

bool is_below(const std::string& path, const std::string& folder) {
  return folder == "/" || path == folder || path.starts_with(folder + "/");
}

}  // namespace

std::string unescaped(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Mount> read_mounts(const Host& host) {
  std::vector<Mount> all;
  read_mountinfo(host.path("/proc/self/mountinfo"), all);
  read_mountinfo(host.path("/proc/1/mountinfo"), all);
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
  const auto text = host.read("/proc/swaps");
  if (!text) return all;
  for (const auto line : split(*text, '\n')) {
    const auto end = line.find_first_of(" \t");
    if (end == std::string_view::npos || line.empty() || line[0] != '/') continue;
    const auto type = trimmed(line.substr(end)).substr(0, 4);
    if (type == "part") all.push_back(unescaped(line.substr(0, end)));
  }
  return all;
}

}  // namespace qh::host
