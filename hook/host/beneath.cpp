#include "host/beneath.h"

#include <unistd.h>

#include <climits>

#include "host/file.h"

namespace qh::host {

std::optional<std::string> link_target(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
  if (n <= 0) return std::nullopt;
  return std::string(target, static_cast<std::size_t>(n));
}

bool has_component(const std::string& path, const std::string& component) {
  return ("/" + path + "/").find("/" + component + "/") != std::string::npos;
}

std::vector<Beneath> links_beneath(const std::string& root, const std::string& folder,
                                   const PciAddress& address) {
  // These links name the device's place in the tree of all devices, with each parent
  // (Documentation/ABI/testing/sysfs-devices, Documentation/admin-guide/sysfs-rules.rst): their text is
  // enough, nothing has to be walked, and no attribute is read that could block.
  const std::string parent = "/" + address.text() + "/";
  const std::string base = root + "/sys/" + folder + "/";
  std::vector<Beneath> all;
  for (auto& name : list_folder(base)) {
    const auto target = link_target(base + name);
    const auto at = target ? target->find(parent) : std::string::npos;
    if (at != std::string::npos) all.push_back({std::move(name), target->substr(at + parent.size())});
  }
  return all;
}

}  // namespace qh::host
