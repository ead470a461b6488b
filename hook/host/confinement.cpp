#include "host/confinement.h"

#include <fcntl.h>

#include "core/text.h"
#include "host/file.h"

namespace qh::host {

std::string confinement(const std::string& root, const std::string& pid) {
  // "unconfined", or "PROFILE (MODE)"; other modes deny nothing. SELinux gives a context, without a mode.
  const auto text = read_file(root + "/proc/" + pid + "/attr/current");
  const std::string_view label = text ? trimmed(*text) : "";
  constexpr std::string_view mark = " (enforce)";
  return label.ends_with(mark) ? std::string(label.substr(0, label.size() - mark.size())) : "";
}

void confine(const std::string& profile) {
  // As aa_change_profile(2) does it.
  const Fd fd(::open("/proc/self/attr/current", O_WRONLY | O_CLOEXEC));
  if (fd) (void)write_all(fd.get(), "changeprofile " + profile, "the profile");
}

}  // namespace qh::host
