#include "host/host_copy.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/text.h"

namespace qh::host {
namespace {

constexpr std::size_t largest_notebook = 1U << 30U;

// A link's target from its folder on, the same wherever the copy is.
std::string relative(std::string target, const std::string& at) {
  if (!target.starts_with('/')) return target;
  target.erase(0, 1);
  for (auto up = std::count(at.begin(), at.end(), '/'); up > 1; --up) target.insert(0, "../");
  return target;
}

// One entry of a folder; null if it is not there.
const CopiedFile* add_entry(const Host& host, const std::string& at, HostCopy& copy) {
  if (const auto known = copy.find(at); known != copy.end()) return &known->second;
  struct stat status {};
  const std::string path = host.path(at);
  if (::lstat(path.c_str(), &status) < 0) return nullptr;
  CopiedFile file{status.st_mode, status.st_uid, status.st_gid, status.st_ctim};
  // It is another process at each look.
  if (at == "/proc/self") file.mode = S_IFDIR | 0755;
  if (S_ISLNK(file.mode))
    file.text = relative(link_target(path).value_or("-"), at);
  else if (!S_ISDIR(file.mode))
    file.mode = S_IFREG | (file.mode & 0777);
  return &copy.emplace(at, std::move(file)).first->second;
}

// Adds all that leads there, and gives where that is, behind all links.
std::string add_path(const Host& host, const std::string& path, HostCopy& copy, int links = 0) {
  const auto slash = path.rfind('/');
  if (slash == path.npos) return {};
  const std::string name = path.substr(slash + 1),
                    folder = add_path(host, path.substr(0, slash), copy, links);
  if (name.empty() || name == ".") return folder;
  if (name == "..") return folder.substr(0, folder.rfind('/'));
  std::string at = folder + "/" + name;
  const auto* file = add_entry(host, at, copy);
  if (file == nullptr || !S_ISLNK(file->mode) || links > 40) return at;
  return add_path(host, folder + "/" + file->text, copy, links + 1);
}

// Not what other programs were told, nor this host's addresses.
std::string needed(const std::string& path, std::string text) {
  const bool is_environment = path.ends_with("/environ");
  if (!is_environment && !path.ends_with("/ipv6_route")) return text;
  const std::string_view mark = is_environment ? "_DRM_DEVICES=" : " 00 00000000000000000000000000000000 00 ";
  const char separator = is_environment ? '\0' : '\n';
  std::string lines;
  for (const auto line : split(text, separator))
    if (line.find(mark) != line.npos) lines.append(line).append(1, separator);
  return lines;
}

}  // namespace

Result<HostCopy> copy_of(const Host& host, const std::string& notebook) {
  const auto notes = read_file(notebook, largest_notebook);
  if (!notes) return fail(notes.error());
  std::string_view rest = *notes;
  const auto take = [&](std::size_t size) {
    const std::string part(rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
    return part;
  };
  const auto word = [&] {
    auto found = take(rest.find('\0'));
    take(1);
    return found;
  };
  HostCopy copy;
  while (!rest.empty()) {
    std::string path = word();
    const std::string size = word();
    const std::string text = size == "-" ? "" : take(to_number<std::size_t>(size));
    if (!path.starts_with(host.root + "/")) continue;
    path.erase(0, host.root.size());
    const std::string at = add_path(host, path, copy);
    if (size != "-") {
      auto& file = copy[at];
      // Of an attribute also a part may have been read.
      if (!at.starts_with("/sys/") || text.size() > file.text.size())
        file.text = path.ends_with("/maps") ? file.text + text : needed(path, text);
      if (path.find("/fd/") != path.npos) file.mode = S_IFLNK;
    } else if (path.ends_with('/')) {
      for (const auto& name : host.list(at)) add_entry(host, at + "/" + name, copy);
    }
  }
  return copy;
}

Result<void> write_copy(const HostCopy& copy, const std::string& folder, const Redaction& secrets) {
  for (const auto& [at, file] : copy) {
    const std::string path = folder + secrets.applied(at), text = secrets.applied(file.text);
    auto made = make_folders(S_ISDIR(file.mode) ? path : path.substr(0, path.rfind('/')));
    if (!made) return made;
    if (S_ISLNK(file.mode) && ::symlink(text.c_str(), path.c_str()) < 0)
      return fail(system_error("make", path, errno));
    if (!S_ISREG(file.mode)) continue;
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return fail(system_error("make", path, errno));
    if (auto written = write_all(fd.get(), text, path); !written) return written;
  }
  // Folders after what is in them, which changes their times. Whoever unpacks them can read all.
  for (auto next = copy.rbegin(); next != copy.rend(); ++next) {
    const auto& file = next->second;
    const std::string path = folder + secrets.applied(next->first);
    const timespec times[] = {file.changed, file.changed};
    (void)::lchown(path.c_str(), file.user, file.group);
    if (!S_ISLNK(file.mode))
      (void)::chmod(path.c_str(), (file.mode & 0777) | (S_ISDIR(file.mode) ? 0700 : 0600));
    (void)::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  return {};
}

}  // namespace qh::host
