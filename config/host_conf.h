// The host's defaults, /etc/libvirt/qemu-hook/host.toml. Every key may be absent.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/result.h"

namespace qh::config {

enum class Backend { automatic, libvirt, sysfs };
const char* to_string(Backend value);  // "auto", "libvirt", "sysfs"

// How long each kind of step may take. In the file: seconds, whole or fractional, above 0, at most 3600.
struct Deadlines {
  std::chrono::milliseconds connect{3'000};
  std::chrono::milliseconds detach{20'000};
  std::chrono::milliseconds reattach{20'000};
  std::chrono::milliseconds holders{15'000};
  std::chrono::milliseconds display_manager{30'000};
  std::chrono::milliseconds lock{30'000};
};

struct HostConf {
  Backend backend = Backend::automatic;
  Deadlines deadlines;
};

// Reads the host's conf; errors as parse_guest_conf's.
Result<HostConf> parse_host_conf(std::string_view text, const std::string& file);

}  // namespace qh::config
