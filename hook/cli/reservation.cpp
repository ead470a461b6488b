#include "cli/reservation.h"

#include "cli/output.h"

namespace qh::cli {

handover::Reservations sync_reservations(const host::Host& host, const config::HostConf& host_conf) {
  host::RealUdev udev(host);
  auto all = handover::apply_reservations(host, udev, host_conf.defaults);
  if (!all) {
    const auto& e = all.error();
    print_warning("which cards are reserved for guests stays as it is: " + e.message +
                  (e.remedy.empty() ? "" : "; " + e.remedy));
    return {};
  }
  for (const auto& warning : all->warnings) print_warning(warning);
  return std::move(*all);
}

}  // namespace qh::cli
