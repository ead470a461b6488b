// What --setup did for a guest, and what a start of it would now report.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/load_guest.h"
#include "config/host_conf.h"
#include "handover/finding.h"
#include "host/host.h"

namespace qh::cli {

struct SetupReport {
  LoadedGuest loaded;
  std::vector<handover::Finding> findings;
  std::vector<std::string> desktop;  // what will happen to it, and the way back
  config::Gpu gpu = config::Gpu::none;
  const char* did = "";  // "wrote", "nothing to change in", …
  bool wrote = false;

  bool ok() const { return !handover::has_errors(findings); }
};

SetupReport report_setup(const host::Host& host, const config::HostConf& host_conf, const Options& options,
                         LoadedGuest loaded);

void print_setup(const host::Host& host, const SetupReport& report);
nlohmann::ordered_json to_json(const host::Host& host, const SetupReport& report);

// --setup --all
Exit setup_all(const host::Host& host, const Options& options, const config::HostConf& host_conf);

}  // namespace qh::cli
