#include "host/processes/confinement.h"

#include <sys/xattr.h>

#include "core/text.h"

namespace qh::host {

std::string confinement(const Host& host, const std::string& pid) {
  // "unconfined", or "PROFILE (MODE)"; other modes deny nothing. SELinux gives a context, without a mode.
  const auto text = host.read("/proc/" + pid + "/attr/current");
  const std::string_view label = text ? trimmed(*text) : "";
  constexpr std::string_view mark = " (enforce)";
  return label.ends_with(mark) ? std::string(label.substr(0, label.size() - mark.size())) : "";
}

void confine(const std::string& profile) {
  // As aa_change_profile(2) does it.
  const Fd fd(::open("/proc/self/attr/current", O_WRONLY | O_CLOEXEC));
  if (fd) (void)write_all(fd.get(), "changeprofile " + profile, "the profile");
}

std::string context(const Host& host, const std::string& pid) {
  const auto text = host.read("/proc/" + pid + "/attr/current");
  return text ? std::string(trimmed(text->substr(0, text->find('\0')))) : "";
}

Confining confining(const Host& host) {
  if (const auto profile = confinement(host); !profile.empty())
    return {"the AppArmor profile " + printable(profile), link_remedy};
  const std::string label = context(host);
  if (!selinux_enforces(host) || label.find(':') == std::string::npos ||
      label.find("unconfined") != std::string::npos)
    return {};
  return {"the SELinux context " + printable(label), policy_remedy};
}

bool selinux_enforces(const Host& host) {
  return host.sysfs.read("fs/selinux/enforce") == "1";
}

std::string selinux_type(const std::string& file) {
  char label[4096];
  const auto size = ::getxattr(file.c_str(), "security.selinux", label, sizeof label);
  if (size <= 0) return "";
  const auto parts = split(std::string_view(label, static_cast<std::size_t>(size)), ':');
  return parts.size() < 3 ? "" : std::string(parts[2].substr(0, parts[2].find('\0')));
}

}  // namespace qh::host
