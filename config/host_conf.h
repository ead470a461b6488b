// The host's defaults, /etc/libvirt/qemu-hook/host.toml. Every key may be absent.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "config/guest_conf.h"
#include "core/result.h"

namespace qh::config {

enum class Backend { automatic, libvirt, sysfs };

// How long each kind of step may take. In the file: seconds, whole or fractional, above 0, at most 3600.
struct Deadlines {
  std::chrono::milliseconds connect{3'000};
  std::chrono::milliseconds detach{20'000};
  std::chrono::milliseconds reattach{20'000};
  std::chrono::milliseconds holders{15'000};
  std::chrono::milliseconds display_manager{30'000};
  std::chrono::milliseconds lock{30'000};
  std::chrono::milliseconds whole{120'000};  // all of a start's or an end's hand-over together

  bool operator==(const Deadlines&) const = default;
};

struct HostConf {
  Backend backend = Backend::automatic;
  bool write_confs = true;  // whether guests' confs are written at all; those that are there are read
  Deadlines deadlines;
  Defaults defaults;

  bool operator==(const HostConf&) const = default;
};

// Every key that the file can have, "[deadlines] connect" for those below a header.
std::vector<std::string> host_conf_keys();

// Reads the host's conf; errors as parse_guest_conf's.
Result<HostConf> parse_host_conf(std::string_view text, const std::string& file);

}  // namespace qh::config
